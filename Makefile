# Everything starts here. On a bare Debian 12 (root, Python 3.11, Node 20) each
# target sets up what it needs from the package registries alone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PUBLIC  ?= 127.0.0.1:8000
CONSOLE ?= 127.0.0.1:8001
SHOP    ?= 127.0.0.1:8002

BROWSER_SOURCES := $(shell find snippet replay/player console/editor console/charts packages -name '*.ts' -o -name '*.mjs' -o -name '*.css' | grep -v -e node_modules -e /dist/)

# Each test process would else compile what the one before compiled: a minute and more of a whole run.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-fast test-long check bench bench-ingest bench-memory bench-player bench-scale bench-snippet bench-storage bench-yielding screenshots generate clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(VENV)/.done node_modules/.done .chromium .nginx .strace ## Python packages (into .venv), npm packages, Chromium, nginx, strace

$(VENV)/.done: pyproject.toml constraints.txt
	@echo "==> Python packages into $(VENV) (about 1 to 2 minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Stolper needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || sh tools/apt-install.sh python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

node_modules/.done: package.json package-lock.json
	@echo "==> npm packages (a few seconds)"
	@command -v npm >/dev/null || { echo "Stolper's browser files are built with Node 20 and npm; neither is here."; exit 1; }
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Playwright's own node wants libatomic, which a bare Debian does not have.
.PHONY: .chromium
.chromium: $(VENV)/.done
	@command -v chromium >/dev/null && $(BIN)/python -m playwright --version >/dev/null 2>&1 \
	  || { echo "==> Chromium (Debian's package, about 300 MB on disk)"; \
	       sh tools/apt-install.sh chromium fonts-dejavu-core libatomic1; }

# For the tests behind a proxy, which are skipped without it; its service is neither needed nor started.
.PHONY: .nginx
.nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	  || { echo "==> nginx (Debian's package, 2 MB)"; RUNLEVEL=1 sh tools/apt-install.sh nginx-light; }

# For the test that takes the power away, which is skipped without it.
.PHONY: .strace
.strace:
	@command -v strace >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	  || { echo "==> strace (Debian's package, 3 MB)"; sh tools/apt-install.sh strace; }

build: snippet/dist/manifest.json ## the browser files: snippet, player and rule editor

snippet/dist/manifest.json: node_modules/.done $(BROWSER_SOURCES)
	@echo "==> building the browser files"
	@npm run --silent build
	@touch $@

demo: setup build ## a shop with planted defects, visitors, collector and console
	@$(BIN)/stolper demo --data demo-data --public $(PUBLIC) --console $(CONSOLE) --shop $(SHOP)

screenshots: setup build ## pictures of every page, in build/screenshots, and those of the docs
	@$(BIN)/python -m tools.screenshots

generate: $(VENV)/.done ## files made from core/events.yaml, and the table of the shipped rules
	@$(BIN)/python -m core.generate
	@$(BIN)/python -m tools.catalogue

check: setup build ## linters, types, import contract, generated files
	@echo "==> checks"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@npm run --silent lint && npm run --silent typecheck
	@$(BIN)/python -m core.generate --check
	@$(BIN)/python -m tools.catalogue --check
	@$(BIN)/stolper rules lint

test: check ## everything that must hold before a change lands
	@echo "==> rules"
	@$(BIN)/stolper rules test
	@echo "==> tests, two at a time"
	@$(BIN)/python -m pytest -m "not long and not alone" -n 2 --dist worksteal $(PYTEST)
	@echo "==> tests in which the page's own time counts, one at a time"
	@$(BIN)/python -m pytest -m "not long and alone" $(PYTEST)

test-fast: setup build ## without Chromium
	@$(BIN)/python -m pytest -m "not long and not browser" -n 2 $(PYTEST)

test-long: setup build ## soaks, long fuzzing, wide matrices
	@$(BIN)/python -m pytest -m long --timeout 3600 $(PYTEST)

bench: setup ## how fast the rules are judged, against a hand-written loop in the same run
	@$(BIN)/python -m bench.detector $(BENCH)

bench-ingest: setup ## what a batch costs the collector, beside a bare handler and a Python peer from the registry
	@$(BIN)/python -m bench.ingest $(BENCH)

bench-memory: setup build ## what a server holds in memory: 1,000 open sessions, 50,000 batches, the demo
	@$(BIN)/python -m bench.memory $(BENCH)
	@$(BIN)/python -m bench.memory --demo

bench-player: setup build ## how an hour-long session opens and seeks, beside rrweb-player with the whole recording
	@$(BIN)/python -m bench.player $(BENCH)

bench-scale: setup build ## how the console answers with 100,000 sessions stored, beside 10,000 (20 minutes)
	@$(BIN)/python -m bench.scale $(BENCH)

bench-snippet: setup build ## what the snippet costs a page, beside rrweb and other recorders from npm
	@$(BIN)/python -m bench.snippet $(BENCH)

bench-storage: setup build ## what finished sessions take, beside the browser's batches, on themes from npm
	@$(BIN)/python -m bench.storage $(BENCH)

bench-yielding: setup ## how long batches wait while finished sessions are sealed, and while none are
	@$(BIN)/python -m bench.yielding $(BENCH)

clean: ## remove what was built and installed
	rm -rf $(VENV) node_modules snippet/dist replay/player/dist console/static/dist packages/browser/dist tests/e2e/widgets/dist tests/e2e/fidelity/dist
