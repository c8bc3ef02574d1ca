# Two commands: `make demo` runs the main job, `make test` passes the tests. Both set themselves up.
# While you work: `make fast`, `make fix`, `make lint`; `make docs` builds the documentation into site/.
# `make console` builds the web console, which set-up does by itself; `make console-dev` serves it while you edit.
# `make bench` measures, beside other engines, and writes docs/reports/benchmarks.md.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

CONSOLE := $(shell find console -path console/node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: setup demo test fast lint lint-style lint-types lint-test-types fix docs bench image compose-demo compose-down console console-dev console-test sbom audit

setup: $(VENV)/.installed $(VENV)/.console

# Byte code is made as an installed package has it: the jail can write none, and each agent would compile what it imports.
$(VENV)/.installed: pyproject.toml constraints.txt engines.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: -r engines.txt || \
		echo 'No data-flow engine for this platform: the scanner uses its own patterns, and says so.'
	$(BIN)/python -m compileall -q -j 0 agents compiler
	touch $@

# Where the npm registry cannot be reached, everything else is set up all the same.
$(VENV)/.console: $(VENV)/.installed $(CONSOLE)
	$(BIN)/python console/build.py --optional
	touch $@

console: $(VENV)/.installed
	$(BIN)/python console/build.py

console-dev: $(VENV)/.installed
	$(BIN)/python console/build.py npm ci --ignore-scripts --no-audit --no-fund
	$(BIN)/python console/build.py npm run dev

console-test: $(VENV)/.installed
	$(BIN)/python console/build.py npm ci --ignore-scripts --no-audit --no-fund
	$(BIN)/python console/build.py npm run lint
	$(BIN)/python console/build.py npm test

demo: setup
	$(BIN)/commandcenter demo $(ARGS)

# Byte code is kept whatever the environment says: dozens of processes import the same modules.
test fast: export PYTHONDONTWRITEBYTECODE =

# What fails beside others is tried once more alone, where no neighbour can make a deadline late; a second failure counts.
test: setup
	$(BIN)/python -m pytest --numprocesses 4 --max-worker-restart 0 --dist loadfile $(ARGS) || { [ $$? = 1 ] && \
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 3 $(ARGS); }

fast: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m unit $(ARGS)

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

# Pyright uses one CPU: `make --jobs 2 lint` checks the types of the product and of the tests side by side.
lint: lint-style lint-types lint-test-types

lint-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

lint-types: setup
	$(BIN)/pyright

lint-test-types: setup
	$(BIN)/pyright --project tests/pyrightconfig.json

# What the product is made of, as CycloneDX.
sbom: setup
	$(BIN)/python -m deployments.sbom > sbom.json

# The pinned packages and known vulnerabilities. Without a network: make audit ARGS='--data FOLDER', with OSV's export.
audit: setup
	$(BIN)/python -m deployments.audit $(ARGS)

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

# Version, changelog, wheel (installed and tried in an empty environment) and bill of materials; ARGS=--dev before a release.
release-check:
	.ci/release-check $(ARGS)
