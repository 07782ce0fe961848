# make demo   set up, train a network, quantise it, run it through simulated hardware, report
# make test   set up, then lint, type check and test: all parts, fewer cases
# make bench  measure; make lint: the fast checks only
# make thorough  what `make test` leaves out: large matrices, demos; make soak: long random runs
# make lock   write requirements.lock anew from pyproject.toml
#
# PYTHON=python3.12 chooses the interpreter (3.11 or newer) that .venv is made with.

.DEFAULT_GOAL := help
.PHONY: help setup demo test thorough lint bench soak lock clean

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
BIN := .venv/bin
READY := .venv/ready
TYPED := cli flows generators golden verification
JOBS ?= 2

help:
	@sed -n '/^# /s/^# //p;/^$$/q' Makefile

# The stamp is the last thing written: an interrupted set-up starts again from nothing.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer must be installed as python3," \
		"or named: make PYTHON=/path/to/python" >&2; exit 2; }
	@echo "setting up .venv from requirements.lock (about a minute, once)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
# mypy must see the root as the package `gatewright`, whatever the folder is called.
	@mkdir .venv/types && ln -s ../.. .venv/types/gatewright
	@touch $@

setup: $(READY)

demo: $(READY)
	@$(BIN)/gatewright demo

lint: $(READY)
	$(BIN)/ruff check .
	MYPYPATH=.venv/types $(BIN)/mypy $(TYPED:%=-p gatewright.%)

# Simulations are short: building them takes longer than running them.
test: lint
	OPT_FAST=-O1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --durations=20 --durations-min=5

thorough: $(READY)
	OPT_FAST=-O1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m thorough

soak: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS) -m soak

bench: $(READY)
	@$(BIN)/python benchmarks/run.py

# The newest versions that pyproject.toml allows and that install together.
# A wheel for processors only is published as 2.13.0+cpu: the pin must fit every machine.
lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install -q --upgrade pip setuptools
	build/lock/bin/python -m pip install -q --group dev '.[fpga]'
	build/lock/bin/python -m pip freeze --all --exclude pip --exclude gatewright \
		| sed 's/+cpu$$//' > build/requirements.lock
	mv build/requirements.lock requirements.lock
	rm -rf build/lock build/lib build/bdist.*

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
