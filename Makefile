# chromplan's chores. `make` alone lists them; each installs what it needs, once.

VENV   ?= .venv
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-color
# a line for each package while pip works, which takes minutes the first time
SAY    := sed -u -n 's/^Collecting \([^ (;]*\).*/  fetching \1/p; s/^Installing collected packages.*/  unpacking them/p'
# cluster tests mostly wait: one process more than there are cores
WORKERS ?= $(shell expr $$(nproc) + 1)
SHELL_SCRIPTS := $(shell find .ci examples tests/versions -name '*.sh' -o -path '.ci/*' -type f)
SLURM_PACKAGES := slurm-wlm slurmctld slurmd slurmdbd munge mariadb-server time beagle default-jre-headless
# the languages that formulas are exported to, and the shells that complete commands
LANGUAGE_PACKAGES := bash fish gawk groovy mawk original-awk zsh

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-slurm crash lint format paper bench site venv clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/.demo  ## the whole loop on this machine, no Slurm needed, in demo/
	@PATH="$(abspath $(BIN)):$$PATH" examples/beagle22/demo.sh demo

test: $(VENV)/.test  ## all tests, on a private Slurm; ARGS="-k name" passes arguments to pytest
	@.ci/packages $(SLURM_PACKAGES) $(LANGUAGE_PACKAGES)
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) \
		--cov=planner --cov-report=term:skip-covered --cov-fail-under=95 $(ARGS)

crash: $(VENV)/.test  ## kill every command at every event, or CHROMPLAN_CRASHES=random, and count what ran (long)
	@.ci/packages $(SLURM_PACKAGES)
	@CHROMPLAN_CRASHES=$${CHROMPLAN_CRASHES:-1} $(BIN)/python -m pytest -s tests/cluster/test_crashes.py \
		tests/cluster/test_random_kills.py $(ARGS)

test-slurm:  ## the cluster tests on another Slurm: VERSION=24.11 (or 22.05, 26.05), ARGS="tests/cluster/test_drive.py"
	@tests/versions/run.sh $(or $(VERSION),24.11) $(ARGS)

lint: $(VENV)/.test  ## ruff, mypy --strict, shellcheck, figures of pages against their records
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/shellcheck $(SHELL_SCRIPTS)
	@$(BIN)/python -m benchmarks.recorded

format: $(VENV)/.test  ## rewrite the code in the house style
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

paper: $(VENV)/.test  ## the paper's tables and figures beside ours, in paper.html (long); QUICK=1: a part of the runs; TRACES=DIR
	@$(BIN)/python -m benchmarks.paper $(if $(QUICK),--quick) $(if $(TRACES),--traces "$(TRACES)")

bench: $(VENV)/.test  ## measure again what benchmarks/ reports (long); QUICK=1: that it runs, LONG=1: as recorded; ONLY="history modes"; TRACES=DIR
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(LONG),--long) $(if $(TRACES),--traces "$(TRACES)") $(ONLY)

site: $(VENV)/.test  ## the documentation as a site, in build/site/
	@$(BIN)/python docs/build.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open build/site/index.html"

venv: $(VENV)/.test  ## .venv with chromplan, editable, and everything to work on it

clean:  ## remove what make has made
	rm -rf $(VENV) demo build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis

# An environment per set of extras would be slower: one environment, one stamp per set.
$(VENV)/.test $(VENV)/.demo: $(VENV)/.%: pyproject.toml | $(BIN)/pip
	@echo "installing chromplan[$*] and what it needs into $(VENV): a few minutes the first time"
	@$(PIP) install --progress-bar off --editable '.[$*]' | $(SAY)
	@touch $@

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer; on Debian: apt-get install python3" >&2; exit 1; }
	@.ci/packages python3-venv
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "hint: apt-get install python3-venv" >&2; exit 1; }
