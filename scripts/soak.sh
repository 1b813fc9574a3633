#!/usr/bin/env bash
# Repeats the tests that find more the longer they run, in rounds, until SOAK_MINUTES (10 if not set) are over: faults
# in a running Carrel (for FAULTS_MINUTES, 20 if not set), kills at random points, pairs of histories that differ only
# in what is hidden, contested pick-ups and transfers, recounts, rosters, the log under kills, the services' tests under
# random stalls, simulated worlds (others in each round), and the fuzzers. Before that, it checks once that the
# simulation catches all built-in bugs.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh

minutes="${SOAK_MINUTES:-10}"
[[ "$minutes" =~ ^[0-9]+$ ]] || give_up "SOAK_MINUTES is a whole number of minutes, not '$minutes'"
section "Bugs built in on purpose: the simulation must catch each"
scripts/sabotage.py bugs --all --release
end=$((SECONDS + minutes * 60))
round=0
while [ "$round" = 0 ] || [ "$SECONDS" -lt "$end" ]; do
  round=$((round + 1))
  section "round $round: faults in released programs"
  FAULTS_PROFILE=release scripts/faults.sh --seed "$round" --minutes "${FAULTS_MINUTES:-20}" --report "$TARGET/faults-$round.txt"
  section "round $round: kills in mid-conversation"
  CARREL_KILLS=50 cargo test --package carrel --test it --locked --quiet kill
  section "round $round: pairs of histories, contested pick-ups and transfers, recounts"
  CARREL_PAIRS=1000 CARREL_HISTORIES=1000 CARREL_RECOUNTS=300 cargo test --package carrel-session --test service --locked --quiet
  section "round $round: rosters under coming, going and crashing"
  CARREL_ROSTERS=50 cargo test --package carrel-presence --locked --quiet roster
  section "round $round: the log under kills"
  cargo test --package carrel-platform --test log_contract --locked --quiet
  section "round $round: the services' tests on a machine that holds them up"
  scripts/stalls.py --runs 3 --package carrel-session --package carrel-presence --package carrel-im --package carrel-gateway \
    --test service --test grpc --test gateway
  section "round $round: 2,000 simulated worlds"
  SEEDS="$(((round - 1) * 2000))..$((round * 2000))" scripts/simulation.sh
  section "round $round: the fuzzers"
  FUZZ_SECONDS=30 scripts/fuzz.sh
done
