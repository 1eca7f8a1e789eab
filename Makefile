# Bare `make` lists the targets. Each sets up what it needs in .venv; a second run finds it there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check test-all bench docs

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.plot ## Find the events of the bundled recording; draw them
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev ## Run the fast tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## Check format, lint, types and the architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest --quiet tests/test_architecture.py

test-all: $(VENV)/.dev ## Run every test, slow ones too
	@$(BIN)/python -m pytest

bench: $(VENV)/.dev ## Measure speed
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/exported.py

docs: $(VENV)/.docs ## Build the pages and the Python reference into site/
	@$(BIN)/python docs/build.py

# Pip runs from outside and is installed along, so that a Python without `ensurepip` will do.
define install
	@echo "Installing sedt and what it needs into $(VENV); the first time takes minutes ..."
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip --editable '$(1)'
endef

# The stamps are newer than pyproject.toml while the environment holds what it asks for.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(call install,.[dev])
	@touch $(VENV)/.plot $(VENV)/.docs $@

$(VENV)/.plot: pyproject.toml | $(BIN)/python
	$(call install,.[plot])
	@touch $@

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(call install,.[docs])
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "sedt needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV)
