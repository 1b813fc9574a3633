#!/usr/bin/env bash
# Checks the documents: links lead somewhere, commands exist, tags are defined, and `make run` does what README says.
# Also runs `make run-distributed` and the TLS example of docs/operating.md.
source "$(dirname "$0")/environment.sh"

section "documents"
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --verbose --start-directory scripts
