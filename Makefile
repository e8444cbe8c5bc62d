# Two commands for a newcomer: `make demo` and `make test`. Everything else is listed by `make help`.
SHELL := /bin/sh
export ORRERY_HOME ?= $(CURDIR)/.orrery
export NODE_NO_WARNINGS := 1
NODE := node_modules/.bin/node
VENV := $(ORRERY_HOME)/venv
JEST := $(NODE) --experimental-vm-modules node_modules/jest/bin/jest.js

.PHONY: help demo up down test test-backends soak-backends check setup doctor soak bench docs clean

help:
	@echo "make demo    the whole life of a fraud model, from raw data to a watched release"
	@echo "make test    everything: format, lint, types, unit, workflows, backends, engine, end to end"
	@echo "make check   the fast part of it, under a minute"
	@echo "make test-backends   the backends against real Kubernetes, Airflow, moto and others (installs them once)"
	@echo "make up      start Temporal, the workers, the service; make down ends them"
	@echo "make soak    the full set of seeded kills (minutes)"
	@echo "make bench   the benchmarks; make bench NAME=overhead runs one"
	@echo "make doctor  says what this machine lacks"

setup: node_modules/.installed $(VENV)/.installed

node_modules/.installed: package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js with npm"; exit 1; }
	@echo "installing npm packages (once)"
	@ONNXRUNTIME_NODE_INSTALL=skip npm ci --loglevel=error --no-audit --no-fund
	@touch $@

$(VENV)/.installed: infra/python/requirements.txt
	@python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer with venv is missing: install python3 and python3-venv"; exit 1; }
	@echo "installing Python packages (once)"
	@mkdir -p $(ORRERY_HOME)
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r infra/python/requirements.txt
	@touch $@

demo: setup
	@$(NODE) examples/fraud/demo.ts $(ARGS)

up: setup
	@$(NODE) workers/up.ts

down:
	@test -x $(NODE) || { echo "nothing was running"; exit 0; }; $(NODE) workers/down.ts

check: node_modules/.installed
	@npm run -s check

test: setup check
	@$(JEST) --selectProjects workflows backends --maxWorkers=2
	@$(JEST) --selectProjects engine e2e --maxWorkers=2

test-backends: setup
	@$(NODE) test/counterparts/run.ts $(JEST) --selectProjects counterparts --runInBand

soak-backends: setup
	@ORRERY_SOAK=1 $(NODE) test/counterparts/run.ts $(JEST) --selectProjects counterparts backends --runInBand soak

soak: setup
	@ORRERY_SOAK=1 $(JEST) --selectProjects engine --runInBand kill

bench: setup
	@for name in $(or $(NAME),overhead actions); do $(NODE) bench/run.ts $$name; done

docs: node_modules/.installed
	@$(NODE) docs/generate.ts

doctor:
	@./orrery doctor

clean: down
	rm -rf node_modules $(ORRERY_HOME)
