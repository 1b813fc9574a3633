#!/usr/bin/env bash
# Writes the tables of docs/telemetry.md anew, from the names that the code has.
source "$(dirname "$0")/environment.sh"
CARREL_WRITE_DOCS=1 cargo test --locked --quiet --package carrel-platform --test telemetry_docs
