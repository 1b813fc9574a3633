#!/usr/bin/env bash
# Checks the dependencies against the RustSec database. Needs github.com, which CI can't reach.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh deny
PATH="$TOOLS/cargo-deny-$CARGO_DENY_VERSION/bin:$PATH"
cargo deny --locked check advisories
