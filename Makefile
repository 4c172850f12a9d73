# The ways in: `make lab` to use it, `make test` to check everything. `make help` lists the rest.
# What was done is remembered in .stamps, so nothing is installed twice without a change.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

FRONT := $(shell find src style schema -type f -not -path '*/__tests__/*' 2>/dev/null) \
  package.json yarn.lock tsconfig.json

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: lab
lab: .stamps/lab .stamps/front-end ## open JupyterLab on the example notebook, with the sidebar
	@scripts/lab

.PHONY: test
test: .stamps/system .stamps/test .stamps/front-end .stamps/ui-tests ## every check; ends with "N passed, M failed"
	@$(BIN)/python scripts/check.py all

.PHONY: faults
faults: .stamps/system .stamps/test ## damage of every kind, and the table of what became of it; FAULT=words picks some
	@$(BIN)/python -m pytest -q -m fault --timeout 1200 --faults-table $(or $(TABLE),.stamps/faults.md) $(if $(FAULT),-k "$(FAULT)")

.PHONY: oldest newest
oldest newest: .stamps/system .stamps/test .stamps/front-end ## a part of the tests with the oldest (newest) versions that are allowed
	@$(BIN)/python scripts/versions.py $@

.PHONY: oldest-browser newest-browser
oldest-browser newest-browser: .stamps/system .stamps/test .stamps/front-end .stamps/ui-tests ## the same in a real browser
	@$(BIN)/python scripts/versions.py $(@:-browser=) --browser

.PHONY: lint
lint: .stamps/test .stamps/front-end ## style, types, import arrows, and the wire's types in step
	@$(BIN)/python scripts/check.py lint

.PHONY: audit
audit: .stamps/audit ## ask PyPI's and npm's advisories about what is brought along; 2 = they could not be asked
	@$(BIN)/python scripts/audit.py

.PHONY: types
types: .stamps/test .stamps/front-end ## openapi.json and src/server/wire.ts anew, from the server's types
	@$(BIN)/python scripts/wire.py

.PHONY: bench
bench: .stamps/bench .stamps/front-end ## measure against stock ipyparallel, write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

.PHONY: docs-pictures
docs-pictures: .stamps/system .stamps/test .stamps/front-end .stamps/ui-tests ## make the pictures in docs/pictures anew
	@cd ui-tests && jlpm run pictures

.PHONY: clean
clean: ## remove what was built and installed here
	rm -rf .stamps .venv node_modules ui-tests/node_modules lib jupyterlab_clusters/labextension tsconfig.tsbuildinfo

# ---- set-up, each step once -------------------------------------------------------------------
.stamps/tools: scripts/system-packages
	@mkdir -p .stamps
	@scripts/system-packages python node
	@touch $@

.stamps/system: scripts/system-packages
	@mkdir -p .stamps
	@scripts/system-packages python node browser sshd mpi slurm netns
	@touch $@

.stamps/venv: | .stamps/tools
	@mkdir -p .stamps
	@scripts/make-venv
	@touch $@

.stamps/lab: .stamps/venv pyproject.toml package.json yarn.lock
	@scripts/install lab
	@touch $@

.stamps/test: .stamps/venv pyproject.toml package.json yarn.lock
	@scripts/install lab,test,lint
	@touch $@ .stamps/lab

.stamps/bench: .stamps/venv pyproject.toml package.json yarn.lock
	@scripts/install lab,test,lint,bench
	@touch $@ .stamps/lab .stamps/test

.stamps/audit: .stamps/venv pyproject.toml package.json yarn.lock
	@scripts/install lab,audit
	@touch $@ .stamps/lab

# Order only: a new installation builds the front end itself; the script builds when a source is newer.
.stamps/front-end: $(FRONT) | .stamps/lab
	@scripts/front-end
	@touch $@

.stamps/ui-tests: ui-tests/package.json ui-tests/yarn.lock | .stamps/lab
	@scripts/node-packages ui-tests
	@touch $@
