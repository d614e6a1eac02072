# Everything a newcomer needs; `make` alone lists it. Needs Python 3.11 or later, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check long docs bench lock clean

# Any Python 3 that starts may run the setup script, which finds one that can run Bus.
# PYTHON=… names one. (A version manager's shim may be there and refuse to start.)
FIND_PYTHON = for p in "$${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1 && break; p=; done; \
	[ -n "$$p" ] || { echo "error: Bus needs Python 3.11 or later; no python3 on the PATH starts." \
	"Install one and run the same command again." >&2; exit 1; };
SETUP = $(FIND_PYTHON) "$$p" scripts/setup.py
BIN = .venv/bin/python

help: ## show this list
	@echo "Bus: room chat with moderation workers. First time here? make run"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	while IFS='|' read -r name text; do printf '%-12s  %s\n' "$$name" "$$text"; done

run: ## start everything on http://127.0.0.1:8000 (PORT=8001 for another port); Ctrl-C stops it
	@$(SETUP) base && exec $(BIN) manage.py up

test: ## run all tests, on two processes (ARGS="-k name" for some, on one)
	@$(SETUP) dev && exec $(BIN) -m pytest $(or $(ARGS),-n 2 --dist loadfile --no-loadscope-reorder)

check: ## lint, format, types, the layers of the house, and the size of files
	@$(SETUP) dev
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m mypy
	.venv/bin/lint-imports
	$(BIN) scripts/file_sizes.py

long: ## before a release, about an hour: chaos three times, fuzzing, a soak, each Python and Django (PARTS="chaos fuzz")
	@$(SETUP) dev && exec $(BIN) -m scripts.long $(PARTS)

docs: ## write what is made from the code: tables of docs/, constants of the clients
	@$(SETUP) dev
	@DJANGO_SETTINGS_MODULE=config.settings $(BIN) -m scripts.generate

bench: ## measure speed with real processes on loopback, in about ten minutes
	@$(SETUP) dev
	@for part in moderation send drain settle growth latency; do $(BIN) -m benchmarks.$$part || exit 1; done

lock: ## pin requirements/*.in again (UPGRADE=1 for newer versions)
	@$(SETUP) dev
	@$(BIN) scripts/lock.py

clean: ## remove .venv and caches; your data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -exec rm -rf {} +
