#!/usr/bin/env bash
# Runs every query of the dashboards and of the alerts on a Prometheus that scrapes a running Carrel. `make observe`
# starts Carrel, its people and Prometheus, without the trace viewer, which takes long to build. OBSERVE_TRACES=yes
# includes it, and looks for the trace of a message in it.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh deploy
PROGRAMS="$(dirname "$(scripts/build.sh | tail -n 1)")"
export PROGRAMS PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$ROOT/scripts:$ROOT/deploy/checks"

section "dashboards and alerts, asked of a running Prometheus"
"$TOOLS/venv-deploy/bin/python" -m unittest discover --verbose --start-directory observe
