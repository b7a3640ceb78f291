# Every task of the project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTHON ?= python3.11
export PYTHON

.PHONY: help setup demo up down repro lock lock-check lint format test test-full base-model clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Build .venv from a hash lock (LOCK=cpu|cuda overrides the choice); returns at once when nothing changed
	@requirements/setup.sh

demo: setup ## Run the sample use case once under a real Airflow on this machine, then stop it
	@exec $(BIN)/python -m mlops_airflow.demo demo

up: setup ## Start an Airflow that stays (PORT=8080 chooses the port) and say how to log in
	@exec $(BIN)/python -m mlops_airflow.demo up $(if $(PORT),--port $(PORT))

down: ## Stop the Airflow that `make up` started
	@exec $(BIN)/python -m mlops_airflow.demo down

repro: setup ## Run dvc.yaml: what changed since the last time, stage by stage, digests as in every other run
	@DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR="$(CURDIR)/workspace/dvc/site" PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro

lock: ## Make both locks from pyproject.toml (UPGRADE=1 moves every version); the package index is pip's own
	@requirements/lock.sh

lock-check: ## Resolve both locks against an empty environment, hashes required, nothing installed
	@requirements/lock.sh --check

lint: ## Style, types, layers, Dockerfile, alert rules, contracts, use cases
	@requirements/lint.sh

format: ## Let ruff format and sort the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --select I --fix .

test: setup ## The tests a change must pass (no network, no GPU; PostgreSQL and Redis are used where they run)
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations 30

test-full: setup ## The same plus the kill and soak campaigns (hours on two cores)
	$(BIN)/python -m pytest -m "full or not full"

base-model: ## Train the small base model the samples use
	$(BIN)/mlops model build-base

clean: ## Remove caches and build outputs; .venv and workspace/ stay
	rm -rf build *.egg-info .mypy_cache .ruff_cache .pytest_cache .grimp_cache .import_linter_cache .hypothesis
	find mlops tests plugins dags -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
