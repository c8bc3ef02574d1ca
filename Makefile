# Two commands: `make demo` runs the main job, `make test` passes the tests. Both set themselves up.
# While you work: `make fast`, `make fix`, `make lint`; `make docs` builds the documentation into site/.
# `make bench` measures, beside other engines, and writes docs/reports/benchmarks.md.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test fast lint fix docs bench

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/commandcenter demo $(ARGS)

test: setup
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile $(ARGS)

fast: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m unit $(ARGS)

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/pyright --project tests/pyrightconfig.json

bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python bench/benchmarks.py $(ARGS)
