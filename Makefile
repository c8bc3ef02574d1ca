# Two commands: `make demo` runs the main job, `make test` passes the tests. Both set themselves up.
# While you work: `make fast`, `make fix`, `make lint`; `make docs` builds the documentation into site/.
# `make bench` measures, beside other engines, and writes docs/reports/benchmarks.md.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test fast lint fix docs bench image compose-demo compose-down

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

# The image of all parts. For a release: make image BASE=debian:bookworm-slim@sha256:…
BASE ?= debian:bookworm-slim
IMAGE ?= commandcenter:latest
COMPOSE := docker compose --file compose.yaml --file deployments/compose/demo.yaml

image:
	docker build --file deployments/images/Dockerfile --build-arg BASE=$(BASE) --tag $(IMAGE) \
	  --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
	  --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) .

# The main job on the stack of compose.yaml; it needs the image. Stop it with `make compose-down`.
compose-demo:
	deployments/compose/make-secrets.sh
	$(COMPOSE) up --detach --wait --wait-timeout 300 worker listener api
	$(COMPOSE) run --rm --no-TTY demo

compose-down:
	$(COMPOSE) --profile '*' down --volumes --remove-orphans
