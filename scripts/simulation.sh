#!/usr/bin/env bash
# Plays Carrel's services in simulated worlds, one for each of SEEDS, 0..2000 if not set; or one that is named:
# scripts/simulation.sh --seed 17 --verbose
source "$(dirname "$0")/environment.sh"

[ "$#" -gt 0 ] || set -- --seeds "${SEEDS:-0..2000}"
cargo run --package carrel-simulation --release --locked --quiet -- "$@"
