#!/usr/bin/env bash
# Runs the tests that are marked #[ignore] because they take long, round after round, until SOAK_MINUTES are over.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh

section "Leaks built in on purpose, all of them"
scripts/sabotage.py --all

section "5,000 pairs of worlds that differ only in what is hidden"
CARREL_PAIRS=5000 cargo test -p carrel-session --locked --quiet --test service noninterference

minutes="${SOAK_MINUTES:-10}"
[[ "$minutes" =~ ^[0-9]+$ ]] || give_up "SOAK_MINUTES is a whole number of minutes, not '$minutes'"
end=$((SECONDS + minutes * 60))
round=0
while [ "$round" = 0 ] || [ "$SECONDS" -lt "$end" ]; do
  round=$((round + 1))
  section "long tests, round $round"
  cargo test --workspace --locked --quiet -- --ignored
done
