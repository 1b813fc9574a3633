#!/usr/bin/env bash
# Holds the documents to what is there: links lead somewhere, commands exist, and `make run` does what README says.
source "$(dirname "$0")/environment.sh"

section "documents"
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --verbose --start-directory scripts
