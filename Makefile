# What a person, and CI, does with Carrel. The work itself is in scripts/; each script may also be run alone.

.DEFAULT_GOAL := help
.PHONY: help run run-distributed observe test lint rust web docs deploy-check dashboards clients e2e simulation faults \
	soak fuzz bench bench-check instructions advisories proto-baseline telemetry-docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start Carrel with the demo directory on http://127.0.0.1:8080
	@scripts/run.sh

run-distributed: ## Build and start Carrel as many processes, with a PostgreSQL and a Redis, on http://127.0.0.1:9100
	@scripts/run-distributed.sh

observe: ## Start that with a desk that is never quiet, a viewer of its traces, and Prometheus with the alerts
	@scripts/observe.sh

test: ## Run everything that CI runs: lint, pages, Rust tests, foreign clients, deployment, dashboards, browsers
	@scripts/test.sh

lint: ## Check formatting, lints, types, protos and dependencies
	@scripts/lint.sh

rust: ## Run the Rust tests
	@scripts/rust.sh

web: ## Check, test and build the pages
	@scripts/web.sh

docs: ## Check the documents, and start Carrel as README says
	@scripts/docs.sh

deploy-check: ## Check the image, the compose file and the chart of deploy/, without an engine or a cluster
	@scripts/deploy.sh

dashboards: ## Ask a Prometheus that scrapes a running Carrel every query of the dashboards and alerts
	@scripts/dashboards.sh

clients: ## Play the foreign clients against a Carrel of their own
	@scripts/clients.sh

e2e: ## Play the stories in Chromium against a Carrel of their own
	@scripts/e2e.sh

faults: ## Break a running Carrel on purpose, each kind of fault once, and judge what people saw
	@scripts/faults.sh

simulation: ## Play the services in simulated worlds; SEEDS says which, 0..2000 if not set
	@scripts/simulation.sh

soak: ## Repeat the tests that find more the longer they run; SOAK_MINUTES says how long, 10 if not set
	@scripts/soak.sh

fuzz: ## Feed each decoder with a fuzzer; FUZZ_SECONDS says how long each, 60 if not set
	@scripts/fuzz.sh

bench: ## Measure how fast Carrel is, beside what the socket and the disk allow
	@scripts/bench.sh

bench-check: ## Play the bench with a few people for a moment, and judge only whether everything arrived
	@scripts/bench-check.sh

instructions: ## Count the instructions of one message's whole way, and hold them to their budget
	@scripts/instructions.sh

advisories: ## Check the dependencies against RUSTSEC's database, which is downloaded
	@scripts/advisories.sh

proto-baseline: ## Make the protos as they are now the ones that must not be broken; at a release
	@scripts/proto-baseline.sh

telemetry-docs: ## Write the tables of docs/telemetry.md anew, from the names that the code has
	@scripts/telemetry-docs.sh

clean: ## Remove what was built and installed here; data folders stay
	@scripts/clean.sh
