#!/usr/bin/env bash
# Starts Carrel as many processes on this machine: a PostgreSQL, a Redis, and two of each service, with the demo
# directory. The data is in ./data-distributed, or in DISTRIBUTED_DIR; the ports are DISTRIBUTED_PORT (9100 if not set)
# and the 46 after it. Ctrl-C stops everything.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh postgres redis

folder="${DISTRIBUTED_DIR:-$ROOT/data-distributed}"
first_port="${DISTRIBUTED_PORT:-9100}"
[[ "$first_port" =~ ^[0-9]{1,5}$ ]] && [ "$first_port" -ge 1 ] && [ "$first_port" -le 65489 ] \
  || give_up "DISTRIBUTED_PORT is a number from 1 to 65489, not '$first_port'"
mkdir -p "$folder/logs"
folder="$(cd "$folder" && pwd)"
postgres_port=$((first_port + 2))
redis_port=$((first_port + 3))

# The processes started here hold the lock too, so that a run that left processes behind is noticed.
exec {lock}>"$folder/lock"
flock --nonblock "$lock" \
  || give_up "$folder is in use by another run, or by what one left behind when it was killed: $folder/pids lists it"
: >"$folder/pids"

# The address of a replica of a service, by their numbers, the address of its health listener, and the URLs of both
# replicas.
address() { echo "127.0.0.1:$((first_port + 10 * $1 + $2))"; }
health() { echo "127.0.0.1:$((first_port + 10 * $1 + $2 + 5))"; }
both() { echo "[\"http://$(address "$1" 0)\", \"http://$(address "$1" 1)\"]"; }

# Gives up if something already listens on the port.
check_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null \
    || give_up "port $1 is in use; set DISTRIBUTED_PORT to the first of 47 free ones"
}

# Runs a command as the user postgres if this is root: PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

postgres="$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)"
# Stops a PostgreSQL that an earlier run left behind.
if [ -s "$folder/postgres/postmaster.pid" ] && as_postgres "$postgres/pg_ctl" -D "$folder/postgres" status >/dev/null; then
  echo "stopping the PostgreSQL of an earlier run"
  quietly as_postgres "$postgres/pg_ctl" -D "$folder/postgres" stop -m fast
fi
for ((port = first_port; port < first_port + 4; port++)); do
  check_free "$port"
done
for number in 1 2 3; do
  for place in 0 1 5 6; do
    check_free "$((first_port + 10 * number + place))"
  done
done
check_free "$((first_port + 45))"
check_free "$((first_port + 46))"

echo "building; the first time takes some minutes"
programs="$(dirname "$(scripts/build.sh | tail -n 1)")"

pids=()
# Ends the given processes, and kills those that have not ended after 30 s. They normally end within ten seconds, unless
# the machine is too busy.
end() {
  kill -TERM "$@" 2>/dev/null || true
  for ((tenths = 0; tenths < 300; tenths++)); do
    kill -0 "$@" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$@" 2>/dev/null || true
  wait "$@" 2>/dev/null || true
}
stop_postgres() {
  local pid
  { read -r pid <"$folder/postgres/postmaster.pid"; } 2>/dev/null || return 0
  as_postgres "$postgres/pg_ctl" -D "$folder/postgres" stop -m "$1" >/dev/null || return 0
  # pg_ctl waits for the file to go, which the server removes a moment before it ends.
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.01
  done
}
stop_all() {
  trap '' TERM HUP
  trap - EXIT
  trap 'kill -KILL "${pids[@]}" 2>/dev/null; stop_postgres immediate; exit 130' INT
  printf '\nstopping; Ctrl-C again: at once\n'
  # Ends both replicas of a service at a time, each service before those that it calls; then Redis, which started first.
  local left="${#pids[@]}"
  while [ "$left" -gt 0 ]; do
    local together=$((left > 1 && left % 2 == 1 ? 2 : 1))
    left=$((left - together))
    end "${pids[@]:left:together}"
  done
  stop_postgres fast
}
trap stop_all EXIT
trap 'exit 130' INT
# make forwards a SIGTERM that has already reached this script: the second one must not end it before it has stopped all.
trap "trap '' TERM HUP; exit 143" TERM HUP

# Starts a program in the background, with its output in a file. It gets a separate session, so that Ctrl-C reaches only
# this script, which stops everything in order.
start() {
  local name="$1"
  shift
  : >"$folder/logs/$name.log"
  setsid "$@" >>"$folder/logs/$name.log" 2>&1 </dev/null &
  pids+=($!)
  echo "$name $!" >>"$folder/pids"
}

# Waits until the output of the program started last has the word. Gives up if the program has ended.
await() {
  local name="$1" word="$2"
  until grep -q "$word" "$folder/logs/$name.log"; do
    kill -0 "${pids[-1]}" 2>/dev/null || give_up "$name did not start: $(tail -n 5 "$folder/logs/$name.log")"
    sleep 0.1
  done
}

if [ ! -d "$folder/postgres" ]; then
  rm -rf "$folder/postgres.new"
  mkdir "$folder/postgres.new"
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder/postgres.new"
    as_postgres test -w "$folder/postgres.new" || give_up "the user postgres can't reach $folder; name another DISTRIBUTED_DIR"
  fi
  quietly as_postgres "$postgres/initdb" -D "$folder/postgres.new" --username carrel --auth trust --encoding UTF8 --locale C
  mv "$folder/postgres.new" "$folder/postgres"
fi
# pg_ctl waits until the server accepts connections. The server does not hold the lock: one left behind is stopped
# above.
as_postgres "$postgres/pg_ctl" -D "$folder/postgres" -w -s -l "$folder/postgres/server.log" \
  -o "-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" start {lock}>&- \
  || give_up "PostgreSQL did not start: $(tail -n 5 "$folder/postgres/server.log")"
start redis redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no
await redis 'Ready to accept connections'

if [ ! -s "$folder/redis.key" ]; then
  (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/redis.key")
fi
CARREL_POSTGRES__URL="postgres://carrel@127.0.0.1:$postgres_port/postgres"
CARREL_REDIS__URLS="$(printf '["redis://127.0.0.1:%s"]' "$redis_port")"
CARREL_REDIS__KEY="$(cat "$folder/redis.key")"
CARREL_TELEMETRY__LOG_FORMAT=text
export CARREL_POSTGRES__URL CARREL_REDIS__URLS CARREL_REDIS__KEY CARREL_TELEMETRY__LOG_FORMAT

"$programs/carrel-presence" keys create --if-missing "$folder/keys.json" >/dev/null
"$programs/carrel-presence" keys public --to "$folder/public-keys.json" "$folder/keys.json" >/dev/null
"$programs/carrel-session" migrate
"$programs/carrel-presence" directory load - <carrel/demo/directory.toml

# Starts both replicas of a service, given its name, its number, and its settings.
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

section "Carrel runs as ten processes; their output is in $folder/logs, their numbers in $folder/pids"
grep -hE ' serves (gRPC|browsers)' "$folder"/logs/*.log
echo "PostgreSQL at 127.0.0.1:$postgres_port, Redis at 127.0.0.1:$redis_port"
for replica in 0 1; do
  at="http://127.0.0.1:$((first_port + replica))"
  echo "patrons of Maple ask at $at/ask/maple, librarians log in at $at/desk (map@harbor, lee@maple, admin@maple; password demo)"
done
echo "Kill any of them and look at what people notice; Ctrl-C stops all of it."
# Waits for a signal: a process that ends by itself or is killed does not stop the others.
while wait -n || [ "$?" != 127 ]; do
  :
done
give_up "all of them have ended"
