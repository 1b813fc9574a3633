#!/usr/bin/env bash
# Injects faults into a running Carrel and compares what people saw with the log. Without arguments, it runs the short
# form: each kind of fault once, a small swarm, and the crash points. The arguments are those of `carrel-faults run`, or
# `swarm` and those of `carrel-faults swarm`; docs/faults.md explains them.
#
# FAULTS_PROFILE=release builds and runs the programs as they are released.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh redis postgres strace faketime

profile="${FAULTS_PROFILE:-dev}"
folder="$TARGET/debug"
[ "$profile" = dev ] || folder="$TARGET/$profile"
section "programs, $profile"
PROFILE="$profile" scripts/build.sh >/dev/null

case "${1:-}" in
  "") ;;
  swarm) exec "$folder/carrel-faults" "$@" ;;
  *) exec "$folder/carrel-faults" run "$@" ;;
esac

failures=0

# Runs one part, under its name.
check() {
  local name="$1"
  shift
  section "$name"
  if "$folder/carrel-faults" "$@"; then
    echo ok
  else
    echo "FAILED: $name"
    failures=$((failures + 1))
  fi
}

seed="${FAULTS_SEED:-1}"
check "faults: separate services" run --short --patrons 8 --seed "$seed"
check "faults: all in one process" run --short --patrons 8 --seed "$seed" --embedded
check "swarm" swarm --sockets 200 --seed "$seed"
check "crash points: PostgreSQL" crash-points
check "crash points: SQLite" crash-points --embedded
[ "$failures" = 0 ]
