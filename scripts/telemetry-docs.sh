#!/usr/bin/env bash
# Rewrites the tables of docs/telemetry.md from the names declared in the code.
source "$(dirname "$0")/environment.sh"
CARREL_WRITE_DOCS=1 cargo test --locked --quiet --package carrel-platform --test telemetry_docs
