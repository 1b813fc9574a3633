#!/usr/bin/env bash
# Runs the browser tests in Chromium. They start their own Carrel on free ports; screenshots go to e2e/artefacts.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh chromium e2e
PROGRAM_UNDER_TEST="$(scripts/build.sh | tail -n 1)"
export PROGRAM_UNDER_TEST

section "browser tests in Chromium"
rm -rf e2e/artefacts
npm run --silent --prefix e2e test -- "$@"
