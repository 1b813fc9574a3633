#!/usr/bin/env bash
# Runs everything that CI runs. A part that fails does not stop the others; the last line counts tests and checks.
source "$(dirname "$0")/environment.sh"

logs="$TARGET/test-logs"
mkdir -p "$logs"
rm -f "$logs"/*.log
failed_parts=()
# A part that hangs must not block CI for ever; a person at a terminal has Ctrl-C. This is a limit for a hang, not a
# measurement: the longest part takes some 20 minutes, more than twice that on a busy machine; CI has 90 for all parts.
limit=()
[ -z "${CI:-}" ] || limit=(timeout --kill-after=30 4500)

# Runs one part of the tests, with its output on the screen and in a log.
part() {
  local name="$1" started="$SECONDS" outcome=passed
  if ! "${limit[@]}" "scripts/$name.sh" 2>&1 | tee "$logs/$name.log"; then
    failed_parts+=("$name")
    outcome=FAILED
  fi
  section "$name: $outcome after $((SECONDS - started)) s"
}

part web
part lint
part rust
part clients
part docs
part deploy
part dashboards
part e2e
part faults
part bench-check

section "all parts after $SECONDS s"
for name in "${failed_parts[@]}"; do
  echo "FAILED: make $name"
done
python3 scripts/count_tests.py "$logs" "${#failed_parts[@]}"
[ "${#failed_parts[@]}" = 0 ]
