# make fast and make test each set up what is missing and then do their job; nothing is done twice.
.DEFAULT_GOAL := help
.PHONY: help setup fast test test-fast defects lint bench clean
BIN := .venv/bin
# Workers of pytest: one a core, since what tests wait for in containers wants the cores too.
JOBS ?= $(shell nproc)

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## Install what is missing (system packages, uv, .venv with the engine)
	@.ci/setup

fast: setup ## Run the FAST tier on examples/orders, in real containers
	@$(BIN)/gauntlet fast --source examples/orders

test: lint ## Pass every test: lint, types, unit, and all that needs the real engine
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup

test-fast: setup ## Only the tests that need no engine
	@$(BIN)/pytest -n $(JOBS) -m "not engine"

defects: setup ## Every planted defect through every FAST stage (20 minutes; make test leaves out what can't see it)
	@GAUNTLET_ALL_DEFECTS=1 $(BIN)/pytest -n $(JOBS) tests/defects

lint: setup ## ruff (ALL, less reasoned exceptions), format and pyright strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

bench: setup ## Measure the figures of benchmarks/README.md (ratios of one run)
	@$(BIN)/python -m benchmarks

clean: setup ## Stop the engine and remove its state and every cache of ours
	@$(BIN)/gauntlet-engine stop
	@$(BIN)/gauntlet-engine prune --all
	@rm -rf .gauntlet examples/*/.gauntlet .pytest_cache .ruff_cache
