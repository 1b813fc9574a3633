#!/usr/bin/env bash
# Tests the example clients. Each test starts its own Carrel on free ports.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh python
PROGRAM_UNDER_TEST="$(scripts/build.sh | tail -n 1)"
export PROGRAM_UNDER_TEST PYTHONDONTWRITEBYTECODE=1

for client in python websocket_json; do
  section "example client: $client"
  (cd "clients/$client" && PYTHONPATH="$ROOT/clients" "$TOOLS/venv/bin/python" -m unittest discover --verbose)
done
