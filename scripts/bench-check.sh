#!/usr/bin/env bash
# Runs the bench's scenarios briefly with a few people, so that the bench can't rot: no figure is judged, but every
# message must arrive, once and in order.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh
scripts/setup.sh redis postgres eatmydata

section "bench: all that was said arrives, once and in order"
cargo build --locked --quiet --package carrel-bench --package carrel \
  --package carrel-session --package carrel-presence --package carrel-im --package carrel-gateway
if "$TARGET/debug/carrel-bench" run --size tiny --runs 1; then
  echo ok
else
  echo "FAILED: bench"
  exit 1
fi
