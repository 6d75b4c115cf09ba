# The workshop's table of contents. Every target sets up what it needs; the work is done by the
# scripts in tools/. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: setup-python lock
setup-python: ## .venv, the one Python environment
	@$(PYTHON) tools/setup_python.py

lock: ## write requirements/*.lock from their lists again
	@$(PYTHON) tools/setup_python.py --lock
