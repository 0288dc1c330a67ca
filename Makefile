# Everything runs from .venv, which the first target that needs it makes. `make help` lists the rest.

DATA := $(or $(SIGHTLINE_DATA),data)

# A shell's own settings must not reach in: another project's profile, packages or virtual environment.
export DBT_PROFILES_DIR := $(CURDIR)
export DBT_PROJECT_DIR := $(CURDIR)
# Files are UTF-8, whatever LANG says or does not say.
export PYTHONUTF8 := 1
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

BIN := .venv/bin
# --no-compile: Python compiles what it imports; compiling all of it takes as long as the rest.
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input --no-deps --no-compile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo docs test lint pytest world pages bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/installed ## make .venv with everything in requirements.lock (the other targets do it too)

demo: setup ## simulate four apps, land their files, build, test and publish every table, show the numbers
	@if [ -n "$$(ls -A "$(DATA)/landing" 2>/dev/null)" ]; then \
		echo "make demo: $(DATA)/landing is there already, landing what it holds"; \
	else \
		$(BIN)/sightline simulate --users 1200 --days 60 --seed 7; \
	fi
	@$(call unless_broken,$(BIN)/sightline run)
	@echo
	@$(BIN)/sightline overview
	@echo
	@echo "Three things to try next:"
	@echo "  $(BIN)/marimo run notebooks/journeys.py"
	@echo "      one person's visits, the funnels and the ways people take, in the browser"
	@echo "  $(BIN)/sightline metrics query --saved-query weekly_active_users_by_app"
	@echo "      one of twenty questions; 80 metrics to ask your own"
	@echo "  $(BIN)/sightline status"
	@echo "      what was wrong with the files, and what to do about it"
	@echo "The tables are in $(DATA)/warehouse.duckdb. README.md says how to open it, and how to bring your own data."

# After a build. Of what is published: make docs ARGS="--no-compile --target ro"
docs: setup ## every table, column and metric explained, in one file for a browser
	@$(BIN)/dbt --quiet docs generate --static $(ARGS)
	@mkdir -p "$(DATA)/pages"
	@cp "$(or $(DBT_TARGET_PATH),target)/static_index.html" "$(DATA)/pages/tables.html"
	@echo "Open $(DATA)/pages/tables.html in a browser; it needs no server and no network."

test: setup lint pytest world ## lint, unit tests, then a small world from files to tested tables

lint: setup ## ruff and sqlfluff
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 0 models analyses

# Beside all others in a process of their own, and shown when it has ended: they take as long as half of them.
APART := tests/warehouse/test_arrival.py tests/warehouse/test_running.py tests/warehouse/test_metrics.py \
	tests/warehouse/test_definitions.py tests/project/test_doc_commands.py
pytest: setup ## the Python tests, in two processes
	@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && trap 'kill $$apart 2>/dev/null; exit 1' HUP INT TERM && \
	{ $(BIN)/python -m pytest --quiet -p no:cacheprovider $(APART) > "$$log" 2>&1 & apart=$$!; } && \
	{ $(BIN)/python -m pytest --quiet $(addprefix --ignore=,$(APART)); all_others=$$?; } ; \
	wait $$apart; code=$$?; cat "$$log"; [ $$all_others -eq 0 ] && [ $$code -eq 0 ]

# dbt's artefacts go beside the throwaway data: a test never replaces what your last build left in target/.
world: setup ## a small simulated world in a temporary folder: simulate, land, build, test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && trap 'exit 1' HUP INT TERM && \
	export SIGHTLINE_DATA="$$folder" DBT_TARGET_PATH="$$folder/target" && \
	$(BIN)/sightline simulate --users 60 --days 10 --seed 7 && \
	{ $(call unless_broken,$(BIN)/sightline land); } && \
	$(BIN)/dbt --quiet build && \
	$(BIN)/dbt --quiet test

pages: setup ## what is published as three pages with charts, in data/pages/, that need no network
	@$(BIN)/python notebooks/pages.py

# Arguments: make bench OF=build ARGS=--quick
OF := landing build freshness questions mastery
bench: setup ## speed, size and predictions against peers: two hours and a quarter, 40 GB of disk
	@$(PIP) -r requirements-bench.lock
	@for each in $(OF); do $(BIN)/python -m benchmarks.$$each $(ARGS) || exit 1; done

lock: ## renew both lock files from pyproject.toml (needs uv)
	@$(call compile,requirements.lock,Every version that Sightline and its tests run on.,\
		--extra dev --extra notebooks --extra metrics)
	@$(call compile,requirements-bench.lock,All of requirements.lock and what the benchmarks need: \
		this file alone is enough for both.,\
		--extra dev --extra notebooks --extra metrics --extra bench --constraint requirements.lock)

clean: ## remove what make and dbt made; never touches data/
	@rm -rf .venv target logs build *.egg-info .pytest_cache .ruff_cache .hypothesis
	@find . -path ./data -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Exit code 3: all that could land has landed, but lines or files were put aside. The simulator plants
# such lines and files on purpose, so that there is something to see.
define unless_broken
$(1) || { code=$$?; [ $$code -eq 3 ] || exit $$code; }
endef

define compile
{ printf '%s\n' '# $(strip $(2))' '# Python 3.11 to 3.13, any platform. Written by: make lock' && \
uv pip compile --quiet --universal --python-version 3.11 --no-header --annotation-style line \
--no-emit-index-url --no-emit-find-links $(3) pyproject.toml; } > $(1).new && mv $(1).new $(1)
endef

# --- the virtual environment -------------------------------------------------------------------------

# It does not survive being moved: its scripts name the folder that they were made in.
ifneq ($(shell cat .venv/made-in 2>/dev/null),$(CURDIR))
.PHONY: .venv/locked
endif

# ensurepip is asked for because Debian ships Python without it, and a venv then has no pip.
.venv/locked: requirements.lock
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		"$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
			2>/dev/null && break; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Sightline needs Python 3.11, 3.12 or 3.13 with its venv module; none is on the PATH." >&2; \
		echo "Debian, Ubuntu: apt install python3-venv. Elsewhere: make PYTHON=/path/to/python3.12 ..." >&2; \
		echo "Found: $$(python3 --version 2>/dev/null || echo no python3 at all)" >&2; \
		exit 1; \
	fi; \
	echo "Setting up .venv (once; about half a minute)"; \
	"$$python" -m venv --clear .venv
	@$(PIP) -r requirements.lock
	@printf '%s\n' "$(CURDIR)" > .venv/made-in
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(PIP) --no-build-isolation -e .
	@touch $@
