#!/usr/bin/env bash
# Tests the pages' logic, and builds the pages into gateway/web/dist, where the gateway's build finds them.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh web

section "pages: unit tests"
npm run --silent --prefix gateway/web test

scripts/pages.sh
