#!/usr/bin/env bash
# Removes what was built and installed in the working tree. Data folders stay.
source "$(dirname "$0")/environment.sh"
rm -rf .tools e2e/artefacts e2e/node_modules gateway/web/node_modules gateway/web/dist gateway/web/src/gen
find clients -name __pycache__ -type d -prune -exec rm -rf {} +
cargo clean --quiet
