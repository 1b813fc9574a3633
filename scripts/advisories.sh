#!/usr/bin/env bash
# Checks the dependencies against RUSTSEC's database. Needs github.com, which CI does not reach.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh deny
PATH="$TOOLS/cargo-deny-$CARGO_DENY_VERSION/bin:$PATH"
cargo deny --locked check advisories
