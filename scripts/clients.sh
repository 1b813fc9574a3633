#!/usr/bin/env bash
# Plays the foreign clients. Each test starts a Carrel of its own on free ports.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh python
CARREL_PROGRAM="$(scripts/build.sh | tail -n 1)"
export CARREL_PROGRAM

for client in python websocket_json; do
  section "foreign client: $client"
  (cd "clients/$client" && "$TOOLS/venv/bin/python" -m unittest discover --verbose --pattern 'test_*.py')
done
