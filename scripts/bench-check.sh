#!/usr/bin/env bash
# Runs the bench's scenarios briefly with a few people, so that the bench can't rot: no figure is judged, but every
# message must arrive, once and in order.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh redis postgres eatmydata

section "bench: all that was said arrives, once and in order"
scripts/build.sh >/dev/null
if "$TARGET/debug/carrel-bench" run --size tiny --runs 1; then
  echo ok
else
  echo "FAILED: bench"
  exit 1
fi
