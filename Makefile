# Needs Python 3.11 or newer, and make. Nothing is installed outside this folder.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BIND ?= 127.0.0.1:8000

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint types imports units messages screenshots bench bench-significance bench-delivery bench-applicability bench-pages format lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Gazette needs Python 3.11 or newer; none was found."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.txt pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.tested-with: $(VENV)/.installed requirements-dev.txt
	$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.measured-with: $(VENV)/.installed requirements-bench.txt
	$(PIP) install --quiet --require-hashes -r requirements-bench.txt
	@touch $@

setup: $(VENV)/.installed ## Make .venv with the gazette command in it

run: setup ## Prepare what is missing, then serve at http://127.0.0.1:8000 (BIND=host:port)
	@exec $(BIN)/gazette start --bind $(BIND)

demo: setup ## Tell the main job in the terminal
	@$(BIN)/gazette demo

test: $(VENV)/.tested-with lint types imports units ## Run everything that CI runs

lint: $(VENV)/.tested-with ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tested-with ## mypy --strict
	$(BIN)/mypy .

imports: $(VENV)/.tested-with ## import-linter: imports go one way
	$(BIN)/lint-imports --no-cache

units: $(VENV)/.tested-with ## Unit, property, integration (both databases) and browser tests
	@sh tests/chromium.sh
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

messages: $(VENV)/.tested-with ## Bring the catalogues in notifier/locale up to date
	$(BIN)/python -m tests.catalogues

screenshots: $(VENV)/.tested-with ## Take the pictures in docs/images anew
	@sh tests/chromium.sh
	$(BIN)/python -m tests.screenshots

bench: $(VENV)/.measured-with ## Measure the redline on pairs of texts (FOLDER=…, see benchmarks/README.md)
	@test -n "$(FOLDER)" || { echo "Usage: make bench FOLDER=pairs [ARGS='--histories DIR --json FILE']"; exit 1; }
	$(BIN)/python benchmarks/diff.py $(FOLDER) $(ARGS)

bench-significance: $(VENV)/.installed ## Measure the significance decision on labelled pairs (FOLDER=…)
	@test -n "$(FOLDER)" || { echo "Usage: make bench-significance FOLDER=labelled [ARGS='--only verdicts --json FILE']"; exit 1; }
	$(BIN)/python benchmarks/significance.py $(FOLDER) $(ARGS)

bench-delivery: $(VENV)/.tested-with ## Measure sending by the million (ARGS='--members 100000 --only sending')
	$(BIN)/python benchmarks/delivery.py $(ARGS)

bench-applicability: $(VENV)/.tested-with ## Measure which text governs whom (ARGS='--members 100000 --only asking')
	$(BIN)/python benchmarks/applicability.py $(ARGS)

bench-pages: $(VENV)/.tested-with ## Measure the public pages (ARGS='--only rate,first')
	$(BIN)/python benchmarks/pages.py $(ARGS)

format: $(VENV)/.tested-with ## Put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.tested-with ## Compile requirements*.txt anew, with hashes
	for name in requirements requirements-dev requirements-bench; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--no-header --no-annotate --no-emit-index-url $$name.in --output-file $$name.txt || exit 1; \
	done

clean: ## Remove what setup, run and the tests made (the instance in var/ stays)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
