#!/usr/bin/env bash
# Runs Carrel's services in simulated worlds, one for each of SEEDS (0..2000 if not set), or in a single one:
# scripts/simulation.sh --seed 17 --verbose
source "$(dirname "$0")/environment.sh"

[ "$#" -gt 0 ] || set -- --seeds "${SEEDS:-0..2000}"
cargo run --package carrel-simulation --release --locked --quiet -- "$@"
