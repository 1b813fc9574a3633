#!/usr/bin/env bash
# Builds Carrel and starts it with the demo directory. Its data is in ./data, or in CARREL_DATA_DIR; the addresses can
# be changed with CARREL_HTTP__ADDRESS and CARREL_GRPC__ADDRESS. Ctrl-C stops it.
source "$(dirname "$0")/environment.sh"

echo "building; the first time takes some minutes"
carrel="$(scripts/build.sh | tail -n 1)"
exec "$carrel" serve --demo --data-dir "${CARREL_DATA_DIR:-$ROOT/data}" "$@"
