#!/usr/bin/env bash
# Counts the instructions of one message's whole way with callgrind, and checks them against bench/instructions.json.
# The programs are counted as they are released, so this builds them so: ten minutes if they do not exist yet, then a
# minute.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh
scripts/setup.sh valgrind

section "instructions of a message"
cargo build --locked --quiet --release --package carrel --package carrel-session --package carrel-presence \
  --package carrel-im --package carrel-gateway --package carrel-bench
"$TARGET/release/carrel-bench" instructions --budget bench/instructions.json
