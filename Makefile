# What people and CI run. The work itself is in scripts/; each script can also be run on its own.

.DEFAULT_GOAL := help
.PHONY: help run run-distributed observe test lint rust web docs deploy-check dashboards clients e2e simulation faults \
	soak fuzz bench bench-check instructions advisories proto-baseline telemetry-docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start Carrel with the demo directory on http://127.0.0.1:8080
	@scripts/run.sh

run-distributed: ## Build and start Carrel as many processes, with PostgreSQL and Redis, on http://127.0.0.1:9100
	@scripts/run-distributed.sh

observe: ## Start run-distributed with a busy desk, a trace viewer, and Prometheus with the alert rules
	@scripts/observe.sh

test: ## Run everything that CI runs
	@scripts/test.sh

lint: ## Check formatting, lints, types, protos and dependencies
	@scripts/lint.sh

rust: ## Run the Rust tests
	@scripts/rust.sh

web: ## Check, test and build the pages
	@scripts/web.sh

docs: ## Check the documentation, and start Carrel as README says
	@scripts/docs.sh

deploy-check: ## Check the image, the compose file and the chart in deploy/, without a container engine or a cluster
	@scripts/deploy.sh

dashboards: ## Run every query of the dashboards and alerts against a Prometheus that scrapes a running Carrel
	@scripts/dashboards.sh

clients: ## Test the example clients against a running Carrel
	@scripts/clients.sh

e2e: ## Run the browser tests in Chromium against a running Carrel
	@scripts/e2e.sh

faults: ## Inject each kind of fault into a running Carrel once, and check what people saw
	@scripts/faults.sh

simulation: ## Run the services in simulated worlds, one for each of SEEDS (default: 0..2000)
	@scripts/simulation.sh

soak: ## Repeat the tests that find more the longer they run, for SOAK_MINUTES (default: 10)
	@scripts/soak.sh

fuzz: ## Fuzz each decoder for FUZZ_SECONDS (default: 60)
	@scripts/fuzz.sh

bench: ## Measure how fast Carrel is, compared with what the socket and the disk allow
	@scripts/bench.sh

bench-check: ## Run the bench briefly with a few people, and check only that everything arrived
	@scripts/bench-check.sh

instructions: ## Count the instructions that one message takes from end to end, and check them against the budget
	@scripts/instructions.sh

advisories: ## Download the RustSec database, and check the dependencies against it
	@scripts/advisories.sh

proto-baseline: ## Store the current protos as those that must not be broken; part of a release
	@scripts/proto-baseline.sh

telemetry-docs: ## Rewrite the tables of docs/telemetry.md from the names declared in the code
	@scripts/telemetry-docs.sh

clean: ## Remove what was built and installed here, but not the data folders
	@scripts/clean.sh
