# Two commands from a fresh clone, on a machine with Python 3.11 or later, Git and make: `make demo` and `make test`.
VENV := .venv
RUN := $(VENV)/bin
UV := UV_PROJECT_ENVIRONMENT=$(VENV) $(RUN)/uv
UV_VERSION := 0.13.9
PYTEST := $(RUN)/pytest
QUICK_WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test quick real lint format examples answers clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## Render a service with all defaults into demo/, and start it where Docker answers
	@$(RUN)/python -m tests.support.render.demo demo

test: lint quick real ## All checks; without Docker the real ones are skipped, and it says which

quick: $(VENV)/.ready ## The layers that need no Docker
	$(PYTEST) -n $(QUICK_WORKERS) -m "not engine"

real: $(VENV)/.ready ## The layers that need Docker: image, pipeline, compose, demo
	$(PYTEST) -m engine

lint: $(VENV)/.ready ## Format, lint and type-check our own Python
	$(RUN)/ruff format --check --diff
	$(RUN)/ruff check
	$(RUN)/mypy

format: $(VENV)/.ready ## Format our own Python
	$(RUN)/ruff format
	$(RUN)/ruff check --fix

examples: $(VENV)/.ready ## Render examples/ again, after a change of the template
	@$(RUN)/python -m tests.support.render.examples

answers: $(VENV)/.ready ## Write docs/answers.md again, after a change of a question or of what it changes
	@$(RUN)/python -m tests.support.render.questions

clean: ## Remove what these targets made
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache

# The lock file decides every version; uv itself comes by pip, so that nothing need be there but Python.
$(VENV)/.ready: pyproject.toml uv.lock
	@python3 -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Shipshape needs Python 3.11 or later; python3 is " + sys.version.split()[0])'
	python3 -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) sync --quiet --locked --inexact
	@touch $@
