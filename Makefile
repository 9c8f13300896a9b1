# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test lint types tests browser environment environment-dev examples picture clean

demo: environment
	$(BIN)/python app.py

test: environment-dev browser lint types tests

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types:
	$(BIN)/pyright

tests:
	$(BIN)/python -m pytest

# Finds a Chromium (CHROMIUM, PATH, Playwright's own), installs Debian's where it may, else says what to do.
browser: environment-dev
	$(BIN)/python -m tests.browser

examples:
	$(BIN)/python -m causalseg.phantoms assets/examples

picture: environment-dev
	$(BIN)/python -m tests.ui.picture assets

environment: $(VENV)/.app
environment-dev: $(VENV)/.dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis
