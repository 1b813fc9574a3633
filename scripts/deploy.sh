#!/usr/bin/env bash
# Checks deploy/ without a container engine or a cluster: lints, schemas, the chart as Helm's own library renders it,
# whether Carrel's programs know every command and setting used there, the alert rules with promtool, and the dashboards
# against Grafana's model.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh deploy redis prometheus
PROGRAMS="$(dirname "$(scripts/build.sh | tail -n 1)")"
export PROGRAMS PYTHONDONTWRITEBYTECODE=1
tools="$TOOLS/venv-deploy/bin"

failures=0

# Runs one check, under its name.
check() {
  local name="$1"
  shift
  section "deploy: $name"
  if "$@"; then
    echo ok
  else
    echo "FAILED: $name"
    failures=$((failures + 1))
  fi
}

check "hadolint" "$tools/hadolint" deploy/Containerfile
check "yamllint" "$tools/yamllint" --strict --config-file deploy/.yamllint.yaml deploy
check "compose files, by the schema of the compose specification" \
  "$tools/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.telemetry.yaml
check "values.schema.json, by the schema of schemas" "$tools/check-jsonschema" --check-metaschema deploy/chart/values.schema.json
check "shellcheck" "$tools/shellcheck" --external-sources --source-path=SCRIPTDIR --severity=warning \
  deploy/secrets.sh scripts/deploy.sh scripts/run-distributed.sh scripts/observe.sh
section "deploy: what the programs, Helm, Kubernetes, promtool and Grafana's model say"
"$tools/python" -m unittest discover --verbose --start-directory deploy/checks || failures=$((failures + 1))

if [ "$failures" -gt 0 ]; then
  give_up "$failures checks of deploy/ failed"
fi
