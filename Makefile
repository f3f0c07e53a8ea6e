# `make demo` and `make test` need Python >= 3.11, make and a package index; the rest lands in .venv.
# Another Python: make demo PYTHON=python3.12. More for the program: make demo ARGS="--epochs 3 --seed 1".

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
WORKERS ?= 2

RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check
PYTEST := $(RUN) -m pytest -q -n $(WORKERS) --dist worksteal

QUICK := -m "not slow and not parity and not browser"
ALL := -m "not browser"
REST := -m "(slow or parity) and not browser"

# In a process of their own: they measure memory, and what other tests left in a process once disturbed one of them.
# Where ARGS say what is to run, they run only if they are named: make test ARGS=tests/test_leaks.py
NOT_LEAKS := $(if $(findstring tests/test_leaks.py,$(ARGS)),,--ignore=tests/test_leaks.py)
LEAKS := $(if $(strip $(ARGS)),,$(RUN) -m pytest -q tests/test_leaks.py)

# Two targets installing into one environment at a time would disturb each other.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-rest check lint format docs parity bench bench-quick bench-scalar clean

help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo  ## train a CNN on the embedded digits and draw it into runs/demo
	$(RUN) -m examples.train_mnist $(ARGS)

test: $(VENV)/.dev  ## the tests that every change runs; no PyTorch, no `dot` needed
	$(PYTEST) $(NOT_LEAKS) $(QUICK) $(ARGS)
	$(if $(LEAKS),$(LEAKS) $(QUICK))

test-all: $(VENV)/.parity  ## every test, the slow ones and the comparison with PyTorch too
	$(PYTEST) $(NOT_LEAKS) $(ALL) $(ARGS)
	$(if $(LEAKS),$(LEAKS) $(ALL))

test-rest: $(VENV)/.parity  ## of test-all what `make test` leaves out
	$(PYTEST) $(NOT_LEAKS) $(REST) $(ARGS)

check: lint test  ## what CI runs, without what needs PyTorch

lint: $(VENV)/.dev  ## ruff, ruff format --check and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(VENV)/.dev  ## sort imports, fix what ruff can fix, format
	$(RUN) -m ruff check --fix-only .
	$(RUN) -m ruff format .

docs: $(VENV)/.dev  ## write docs/operations.md, the table of all operations
	$(RUN) -m tests.op_table.document

parity: $(VENV)/.parity  ## values and gradients against PyTorch
	$(PYTEST) -m parity $(ARGS)

bench: $(VENV)/.bench  ## time and memory beside PyTorch's in one table, written to runs/bench.json too: see docs/performance.md
	$(RUN) -m benchmarks $(ARGS)

bench-quick: $(VENV)/.bench  ## the same in two minutes, with fewer rows and coarser figures
	$(RUN) -m benchmarks --quick $(ARGS)

bench-scalar: $(VENV)/.parity  ## the cost of a scalar operation against PyTorch's
	$(RUN) -m benchmarks.scalar_ops $(ARGS)

clean:  ## remove caches and builds; .venv and runs stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d ! -path './.venv/*' -prune -exec rm -rf {} +

# Each stamp says that the environment holds these extras, as pyproject.toml stands.
# An environment that was there before, or whose pip is missing because python3-venv was, is completed, not replaced.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "tensorgrad needs Python 3.11 or later, and there is no $(PYTHON). Name another: make PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "tensorgrad needs Python 3.11 or later, and $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	@echo "Installing tensorgrad with the extras viz and plots into $(VENV) ..."
	@$(INSTALL) -e '.[viz,plots]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "Installing tensorgrad with the extras viz, plots and dev into $(VENV) ..."
	@$(INSTALL) -e '.[viz,plots,dev]'
	@touch $(VENV)/.demo $@

# On Linux the package index's torch brings CUDA along, several GB; PyTorch's own CPU index avoids that:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make parity
$(VENV)/.parity: $(VENV)/.dev
	@echo "Installing PyTorch, the oracle of the parity tests, into $(VENV) ..."
	@$(INSTALL) -e '.[viz,plots,dev,parity]'
	@touch $@

$(VENV)/.bench: $(VENV)/.made pyproject.toml
	@echo "Installing PyTorch, MyGrad and autograd, which tensorgrad is measured against, into $(VENV) ..."
	@$(INSTALL) -e '.[bench]'
	@touch $@
