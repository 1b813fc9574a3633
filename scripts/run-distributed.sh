#!/usr/bin/env bash
# Starts Carrel as many processes on this machine: a PostgreSQL, a Redis, and two of each service, with the demo
# directory. Everything is in ./data-distributed, or where DISTRIBUTED_DIR says. Ctrl-C stops all of it.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh postgres redis

folder="${DISTRIBUTED_DIR:-$ROOT/data-distributed}"
first_port="${DISTRIBUTED_PORT:-9100}"
[[ "$first_port" =~ ^[0-9]+$ ]] || give_up "DISTRIBUTED_PORT is a number, not '$first_port'"
mkdir -p "$folder/logs"
folder="$(cd "$folder" && pwd)"

echo "building; the first time takes some minutes"
programs="$(dirname "$(scripts/build.sh | tail -n 1)")"

pids=()
stop_all() {
  trap - INT TERM EXIT
  printf '\nstopping\n'
  # The services first, each side before what it calls; then the engines.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  [ ! -s "$folder/postgres/postmaster.pid" ] || as_postgres "$postgres/pg_ctl" -D "$folder/postgres" stop -m fast >/dev/null
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# Starts a program in the background, with its output in a file.
start() {
  local name="$1"
  shift
  : >"$folder/logs/$name.log"
  "$@" >>"$folder/logs/$name.log" 2>&1 &
  pids+=($!)
}

# Waits until a file says something, or the program that writes it has ended.
await() {
  local name="$1" word="$2"
  until grep -q "$word" "$folder/logs/$name.log"; do
    kill -0 "${pids[-1]}" 2>/dev/null || give_up "$name did not start: $(tail -n 5 "$folder/logs/$name.log")"
    sleep 0.1
  done
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

postgres="$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)"
postgres_port=$((first_port + 2))
redis_port=$((first_port + 3))
if [ ! -s "$folder/postgres/PG_VERSION" ]; then
  mkdir -p "$folder/postgres"
  [ "$(id -u)" != 0 ] || chown postgres "$folder/postgres"
  quietly as_postgres "$postgres/initdb" -D "$folder/postgres" --username carrel --auth trust --encoding UTF8 --locale C
fi
# pg_ctl waits until the server takes connections.
as_postgres "$postgres/pg_ctl" -D "$folder/postgres" -w -s -l "$folder/postgres/server.log" \
  -o "-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder/postgres" start
start redis redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no
await redis 'Ready to accept connections'

if [ ! -s "$folder/redis.key" ]; then
  (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/redis.key")
fi
CARREL_POSTGRES__URL="postgres://carrel@127.0.0.1:$postgres_port/postgres"
CARREL_REDIS__URLS="[\"redis://127.0.0.1:$redis_port\"]"
CARREL_REDIS__KEY="$(cat "$folder/redis.key")"
CARREL_TELEMETRY__LOG_FORMAT=text
export CARREL_POSTGRES__URL CARREL_REDIS__URLS CARREL_REDIS__KEY CARREL_TELEMETRY__LOG_FORMAT

[ -s "$folder/keys.json" ] || "$programs/carrel-presence" keys create "$folder/keys.json" >/dev/null
"$programs/carrel-presence" keys public "$folder/keys.json" >"$folder/public-keys.json"
"$programs/carrel-session" migrate
"$programs/carrel-presence" directory load carrel/demo/directory.toml

# The address of the nth replica of a service, and where its health is asked.
address() { echo "127.0.0.1:$((first_port + 10 * $1 + $2))"; }
health() { echo "127.0.0.1:$((first_port + 10 * $1 + $2 + 5))"; }
both() { echo "[\"http://$(address "$1" 0)\", \"http://$(address "$1" 1)\"]"; }

# Starts both replicas of a service: its name, its number, and its settings.
service() {
  local name="$1" number="$2"
  shift 2
  for replica in 0 1; do
    start "$name-$replica" env "$@" \
      CARREL_GRPC__ADDRESS="$(address "$number" "$replica")" CARREL_HEALTH__ADDRESS="$(health "$number" "$replica")" \
      "$programs/carrel-$name" serve
    await "$name-$replica" "^carrel-$name serves"
  done
}
service session 1 CARREL_KEYS__FILE="$folder/public-keys.json"
service presence 2 CARREL_KEYS__FILE="$folder/keys.json" CARREL_UPSTREAM__SESSION="$(both 1)" \
  CARREL_PRESENCE__TRUST_FORWARDED_FOR=true
service im 3 CARREL_KEYS__FILE="$folder/public-keys.json" CARREL_UPSTREAM__PRESENCE="$(both 2)"
for replica in 0 1; do
  start "gateway-$replica" env -u CARREL_POSTGRES__URL -u CARREL_REDIS__URLS -u CARREL_REDIS__KEY \
    CARREL_HTTP__ADDRESS="127.0.0.1:$((first_port + replica))" \
    CARREL_HEALTH__ADDRESS="$(health 4 "$replica")" CARREL_UPSTREAM__SESSION="$(both 1)" \
    CARREL_UPSTREAM__PRESENCE="$(both 2)" CARREL_UPSTREAM__IM="$(both 3)" "$programs/carrel-gateway" serve
  await "gateway-$replica" '^carrel-gateway serves'
done

section "Carrel runs as ten processes; their output is in $folder/logs"
grep -hE ' serves (gRPC|browsers)' "$folder"/logs/*.log
echo "PostgreSQL at 127.0.0.1:$postgres_port, Redis at 127.0.0.1:$redis_port"
for replica in 0 1; do
  at="http://127.0.0.1:$((first_port + replica))"
  echo "patrons of Maple ask at $at/ask/maple, librarians log in at $at/desk (map@harbor, lee@maple, admin@maple; password demo)"
done
echo "Kill any of them and look at what people notice; Ctrl-C stops all of it."
# Until a signal comes: one that ends by itself, or is killed, is no reason to stop the others.
while :; do
  wait -n || true
  sleep 1
done
