#!/usr/bin/env bash
# Builds all programs, `carrel` with its pages, and prints the path of `carrel` on the last line. PROFILE=release builds
# them optimised, which takes about ten minutes the first time instead of four.
#
# It is always the whole workspace: for a part of it, cargo would choose fewer features of what they depend on, and build
# half of that again.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh >&2

case "${PROFILE:-dev}" in
  dev) folder=debug ;;
  release) folder=release ;;
  *) give_up "PROFILE may be dev or release, not '$PROFILE'" ;;
esac
cargo build --workspace --locked --bins --profile "${PROFILE:-dev}" --quiet >&2
echo "$TARGET/$folder/carrel"
