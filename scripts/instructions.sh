#!/usr/bin/env bash
# Counts the instructions of one message's whole way with callgrind, and holds them to bench/instructions.json. What is
# counted is what is released, so the programs are built as such: ten minutes if they are not there yet, then a minute.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh
scripts/setup.sh valgrind

section "instructions of a message"
cargo build --locked --quiet --release --package carrel --package carrel-session --package carrel-presence \
  --package carrel-im --package carrel-gateway --package carrel-bench
"$TARGET/release/carrel-bench" instructions --budget bench/instructions.json
