# Sourced by every script: paths, versions, and functions that report what a script is doing.
# shellcheck shell=bash
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

TOOLS="$ROOT/.tools"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
WEB_BIN="$ROOT/gateway/web/node_modules/.bin"
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2

export PIP_DISABLE_PIP_VERSION_CHECK=1
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

# Prints the heading of a section.
section() {
  printf '\n=== %s\n' "$*"
}

# Prints why the script can't go on, and ends it.
give_up() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command quietly: its output is shown only if it fails, and then the script ends.
quietly() {
  local output
  output="$(mktemp)"
  if ! "$@" >"$output" 2>&1; then
    cat "$output" >&2
    rm -f "$output"
    give_up "'$*' failed"
  fi
  rm -f "$output"
}
