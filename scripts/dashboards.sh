#!/usr/bin/env bash
# Asks a Prometheus that scrapes a running Carrel every query of the dashboards and of the alerts. Carrel, its people and
# Prometheus are started by `make observe`, without the trace viewer, which takes long to build. OBSERVE_TRACES=yes brings
# it in, and asks it for the trace of a message.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh deploy
PROGRAMS="$(dirname "$(scripts/build.sh | tail -n 1)")"
export PROGRAMS PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ROOT/scripts:$ROOT/deploy/checks"

section "dashboards and alerts, asked of a running Prometheus"
"$TOOLS/venv-deploy/bin/python" -m unittest discover --verbose --start-directory observe
