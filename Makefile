# Two commands set everything up:  make demo   and   make test
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check compat docs clean

demo: $(VENV)/.train
	$(BIN)/artsim demo

test: $(VENV)/.dev check

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile

# The data set on every version of datasets that it is promised for; "make test" runs the oldest and the newest.
compat: $(VENV)/.dev
	ARTSIM_COMPAT=all $(BIN)/pytest tests/compat

# Brings docs/reference/ and the tables of docs/models.md up to date.
docs: $(VENV)/.dev
	$(BIN)/python docs/reference.py
	$(BIN)/python -m builder.needs

# All benchmarks at a small size, beside their peers: under 15 minutes on two quiet cores; writes benchmarks/RESULTS.md.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "artsim needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# torch first and by its exact number: a plain "torch" pulls gigabytes of CUDA on a machine without a GPU.
$(VENV)/.train: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e '.[train]'
	touch $@

$(VENV)/.dev: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.train

clean:
	rm -rf $(VENV) .cache build dist *.egg-info artsim-demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
