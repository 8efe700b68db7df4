# From a fresh clone, on a machine with Python 3.11 or later, Git and make: `make demo`, `make demo-stack` and `make test`.
VENV := .venv
RUN := $(VENV)/bin
UV := UV_PROJECT_ENVIRONMENT=$(VENV) $(RUN)/uv
UV_VERSION := 0.13.9
PYTEST := $(RUN)/pytest
CORES := $(shell python3 -c 'import os; print(os.cpu_count())')
WORKERS ?= $(shell expr $(CORES) + 1) # one more than cores, for many tests wait: 191 s in place of 238 on two
REAL_WORKERS ?= 4 # lanes of layers that share nothing; two more than cores, for those of the cluster mostly wait
LAYER ?=
ALL ?=
# `make quick ALL=1`: those of tests/thorough.yml, too.
EACH := $(if $(strip $(ALL)),, and not thorough)
TESTS := $(if $(LAYER),tests/$(LAYER))
TIMES := .pytest_cache/times.jsonl
QUICK := .pytest_cache/quick.log

.DEFAULT_GOAL := help
.PHONY: help demo demo-stack test quick real thorough check lint format examples answers rules clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## Render a service with all defaults into demo/, and start it where Docker answers
	@$(RUN)/python -m tests.support.render.demo service demo

demo-stack: $(VENV)/.ready ## The same with a page, its back end, PostgreSQL and Valkey, into demo-stack/
	@$(RUN)/python -m tests.support.render.demo stack demo-stack

# The quick layers beside the real ones, whose tests wait half of their time.
test: lint ## All checks but `thorough`; without Docker the real ones are skipped, and it says which
	@mkdir -p .pytest_cache && rm -f $(TIMES)
	@nice -n 5 $(MAKE) --no-print-directory quick WORKERS=$(CORES) >$(QUICK) & quick=$$!; \
	trap 'exit 130' INT TERM; trap "kill $$quick 2>/dev/null" EXIT; \
	$(MAKE) --no-print-directory real; real=$$?; wait $$quick; quick=$$?; trap - EXIT; cat $(QUICK); \
	$(RUN)/python -m tests.support.run.budgets $(TIMES); exit $$((real || quick))

quick: $(VENV)/.ready ## The layers that need no Docker; one of them: make quick LAYER=ecs
	env SHIPSHAPE_RUN=quick SHIPSHAPE_TIMES=$(TIMES) $(PYTEST) -n $(WORKERS) -m "not engine$(EACH)" $(TESTS)

real: $(VENV)/.ready ## The layers that need Docker; one of them: make real LAYER=cluster
	env SHIPSHAPE_RUN=real SHIPSHAPE_TIMES=$(TIMES) $(PYTEST) -n $(REAL_WORKERS) --no-loadscope-reorder -m "engine$(EACH)" $(TESTS)

thorough: $(VENV)/.ready ## What takes too long for every run, by tests/thorough.yml: before a release, and on GitHub
	$(PYTEST) -n $(REAL_WORKERS) --no-loadscope-reorder -m thorough $(TESTS)

check: $(VENV)/.ready ## What the files that you changed can break, within a minute
	$(RUN)/ruff check --quiet
	$(PYTEST) -q -n $(WORKERS) -m "not engine" $$($(RUN)/python -m tests.support.run.changes)

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

rules: $(VENV)/.ready ## Write the rules into docs/audit.md again, after a change of rules.yml
	@$(RUN)/python -m tests.support.rules

clean: ## Remove what these targets made
	rm -rf $(VENV) demo demo-stack .mypy_cache .pytest_cache .ruff_cache

# The lock file decides every version; uv itself comes by pip, so that nothing need be there but Python.
$(VENV)/.ready: pyproject.toml uv.lock
	@python3 -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Shipshape needs Python 3.11 or later; python3 is " + sys.version.split()[0])'
	python3 -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) sync --quiet --locked --inexact
	@touch $@
