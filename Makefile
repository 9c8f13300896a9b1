# `make demo` and `make test` do all set-up on a fresh machine.
#
# Two environments: .venv is requirements.txt alone, what a user of the app has; .venv-dev holds the tools and tests,
# and looks into .venv for the rest. Each is made anew when its list changes, and otherwise kept.
PYTHON ?= python3
APP := .venv
DEV := .venv-dev
APP_MADE := $(APP)/.made-$(shell cksum < requirements.txt | tr ' ' -)
DEV_MADE := $(DEV)/.made-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' -)
PIP := -m pip install --disable-pip-version-check -q
SITE := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
PYTEST := $(DEV)/bin/python -m pytest
# Needs no weights, no browser and no second.
FAST := tests/causal tests/scan tests/test_phantoms.py tests/ui tests/test_house.py tests/test_versions.py \
  tests/test_documents.py tests/test_newcomer.py
# Two processes of one thread each.
WORKERS ?= 2
TWO := -n $(WORKERS) --dist worksteal
export HF_HUB_OFFLINE ?= 1

.PHONY: demo check test test-all lint types fast tests all-tests browser environment environment-dev examples picture clean

demo: environment
	$(APP)/bin/python app.py

# Before each commit: at most 90 seconds.
check: environment-dev lint types fast

test: environment-dev browser lint types tests

# Also what is marked slow.
test-all: environment-dev browser lint types all-tests

lint:
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/lint-imports

types:
	$(DEV)/bin/pyright

fast:
	$(PYTEST) $(TWO) -m "not slow and not page" $(FAST)

tests:
	$(PYTEST) $(TWO) -m "not slow"

all-tests:
	$(PYTEST) $(TWO)

# Finds a Chromium (CHROMIUM, PATH, Playwright's own), installs Debian's where it may, else says what to do.
browser: environment-dev
	$(DEV)/bin/python -m tests.browser

examples: environment
	$(APP)/bin/python -m causalseg.phantoms assets/examples

picture: environment-dev
	$(DEV)/bin/python -m tests.ui.picture assets

environment: $(APP_MADE)
environment-dev: $(DEV_MADE)

$(APP_MADE):
	$(PYTHON) -m venv --clear $(APP)
	$(APP)/bin/python $(PIP) -r requirements.txt
	touch $@

$(DEV_MADE): $(APP_MADE)
	$(APP)/bin/python -m venv --clear $(DEV)
	$(APP)/bin/python $(SITE) > "$$($(DEV)/bin/python $(SITE))/app.pth"
	$(DEV)/bin/python $(PIP) -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(APP) $(DEV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis
