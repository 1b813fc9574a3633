#!/usr/bin/env bash
# Builds everything, and runs the Rust tests and the sabotage. The tests of the browsers and of the example clients use
# the program built here.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh postgres redis prometheus
scripts/pages.sh

# Most tests wait for something most of the time, so two for each core keep the cores busy.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(nproc) * 2))}"

section "Rust tests"
cargo test --workspace --locked --quiet --no-fail-fast "$@"

section "Leaks and bugs built in on purpose: the tests and the simulation must catch each"
scripts/sabotage.py
