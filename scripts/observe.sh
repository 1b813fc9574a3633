#!/usr/bin/env bash
# Starts a Carrel and the tools with which an operator observes it: Jaeger's user interface for the traces, Prometheus
# with the alert rules, and `make run-distributed` with a small desk that is never quiet. Ctrl-C stops everything.
#
# DISTRIBUTED_DIR and DISTRIBUTED_PORT are those of run-distributed.sh; the three ports after its 47 are used too.
# OBSERVE_TRACES=no leaves the trace viewer out, which takes some minutes to build the first time. OBSERVE_PAUSE is how
# many seconds the people of the desk think before they write, 1 if not set.
source "$(dirname "$0")/environment.sh"
with_traces="${OBSERVE_TRACES:-yes}"
[ "$with_traces" = no ] || scripts/setup.sh protoc
scripts/setup.sh postgres redis prometheus python

first_port="${DISTRIBUTED_PORT:-9100}"
[[ "$first_port" =~ ^[0-9]{1,5}$ ]] && [ "$first_port" -ge 1 ] && [ "$first_port" -le 65486 ] \
  || give_up "DISTRIBUTED_PORT is a number from 1 to 65486, not '$first_port'"
viewer_port=$((first_port + 47))
otlp_port=$((first_port + 48))
prometheus_port=$((first_port + 49))
export DISTRIBUTED_DIR="${DISTRIBUTED_DIR:-$ROOT/data-distributed}"
mkdir -p "$DISTRIBUTED_DIR/observe"
folder="$(cd "$DISTRIBUTED_DIR/observe" && pwd)"
exec {lock}>"$folder/lock"
flock --nonblock "$lock" || give_up "$folder is in use by another run"

declare -A pids=()
# Ends the processes of these names, one after the other.
end() {
  local name
  for name in "$@"; do
    [ -n "${pids[$name]:-}" ] || continue
    kill -TERM "${pids[$name]}" 2>/dev/null || true
    wait "${pids[$name]}" 2>/dev/null || true
  done
}
stop_all() {
  trap - EXIT
  trap '' INT TERM HUP
  printf '\nstopping\n'
  # Carrel sends its last spans when it stops, so the viewer goes after it.
  end desk carrel viewer prometheus
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Starts a program in the background, with its output in a file. It gets a separate session, so that Ctrl-C reaches only
# this script, which stops everything in order.
start() {
  local name="$1"
  shift
  : >"$folder/$name.log"
  setsid "$@" >>"$folder/$name.log" 2>&1 </dev/null {lock}>&- &
  pids[$name]=$!
}

# Waits until a program's output has the word. Gives up if the program has ended.
await() {
  local name="$1" word="$2"
  until grep -q "$word" "$folder/$name.log"; do
    kill -0 "${pids[$name]}" 2>/dev/null || give_up "$name did not start: $(tail -n 5 "$folder/$name.log")"
    sleep 0.1
  done
}

# Prints the addresses where Prometheus scrapes both replicas of the service with this number in run-distributed.sh.
scraped() {
  printf '"127.0.0.1:%s", "127.0.0.1:%s"' $((first_port + 10 * $1 + 5)) $((first_port + 10 * $1 + 6))
}
job() {
  printf '  - job_name: %s\n    static_configs: [{targets: [%s]}]\n' "$1" "$(scraped "$2")"
}

if [ "$with_traces" != no ]; then
  echo "building the trace viewer; the first time takes some minutes"
  CARGO_TARGET_DIR="$TARGET/trace-viewer" cargo build --manifest-path observe/trace-viewer/Cargo.toml --locked --quiet
  start viewer "$TARGET/trace-viewer/debug/carrel-trace-viewer" --ui "$viewer_port" --otlp "$otlp_port"
  await viewer '^carrel-trace-viewer shows'
  export CARREL_TELEMETRY__OTLP_ENDPOINT="http://127.0.0.1:$otlp_port"
fi

# The metrics of an earlier run would look like processes that are gone.
rm -rf "$folder/metrics"
cat >"$folder/prometheus.yaml" <<END
global:
  scrape_interval: 2s
  evaluation_interval: 2s
  external_labels: {runbooks: "file://$ROOT/docs/runbooks"}
rule_files: ["$ROOT/deploy/alerts/carrel.rules.yaml"]
scrape_configs:
$(job carrel-session 1)
$(job carrel-presence 2)
$(job carrel-im 3)
$(job carrel-gateway 4)
END
start prometheus prometheus --config.file "$folder/prometheus.yaml" --storage.tsdb.path "$folder/metrics" \
  --web.listen-address "127.0.0.1:$prometheus_port" --enable-feature exemplar-storage
await prometheus 'Server is ready to receive web requests'
# Prints the address of one of Prometheus's pages. Debian's Prometheus has only the classic pages, under classic/.
page() {
  local all="http://127.0.0.1:$prometheus_port" folder=""
  "$TOOLS/venv/bin/python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' "$all/$1" \
    2>/dev/null || folder=classic/
  echo "$all/$folder$1"
}

echo "starting Carrel; its output is in $folder/carrel.log"
start carrel scripts/run-distributed.sh
await carrel 'Ctrl-C stops all of it'
start desk env PYTHONPATH="$ROOT/clients/websocket_json" PYTHONDONTWRITEBYTECODE=1 "$TOOLS/venv/bin/python" \
  observe/desk.py --pause "${OBSERVE_PAUSE:-1}" "127.0.0.1:$first_port" "127.0.0.1:$((first_port + 1))"

section "Carrel runs as ten processes, and people talk over it; see observe/README.md for what to look at"
if [ "$with_traces" != no ]; then
  echo "traces:  http://127.0.0.1:$viewer_port/search?service=carrel-gateway"
fi
echo "metrics: $(page graph)"
echo "alerts:  $(page alerts)"
grep '^patrons of Maple' "$folder/carrel.log"
echo "Kill some of the processes in $DISTRIBUTED_DIR/pids and look at what you see of it; Ctrl-C stops all of it."
wait -n "${pids[@]}" || true
for name in "${!pids[@]}"; do
  kill -0 "${pids[$name]}" 2>/dev/null || give_up "$name has ended: $(tail -n 5 "$folder/$name.log")"
done
