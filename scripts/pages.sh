#!/usr/bin/env bash
# Builds the pages, unless none of their sources has changed since they were built.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh web

built=gateway/web/dist/index.html
newer() {
  find gateway/web proto -name node_modules -prune -o -name dist -prune -o -name gen -prune \
    -o -type f -newer "$built" -print -quit
}

if [ -f "$built" ] && [ -z "$(newer)" ]; then
  exit 0
fi
section "pages: build"
npm run --silent --prefix gateway/web build
