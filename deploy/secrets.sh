#!/usr/bin/env bash
# Makes the secrets of compose.yaml in deploy/secrets, or in the folder named: passwords for PostgreSQL and Redis, the
# key by which what goes into Redis is sealed, and the settings file that has all three. What exists stays.
set -euo pipefail
folder="${1:-$(dirname "$0")/secrets}"

mkdir -p "$folder"
# Nobody else comes into the folder. The files can be read, because the containers' users, who get them one by one, are
# none of this machine's.
chmod 0700 "$folder"
if [ -e "$folder/engines.toml" ]; then
  echo "$folder has secrets already; they stay as they are"
  exit 0
fi

# The files of a run that was broken off are written anew.
postgres_password="$(openssl rand -hex 24)"
redis_password="$(openssl rand -hex 24)"
redis_key="$(openssl rand -hex 32)"
printf '%s' "$postgres_password" >"$folder/postgres-password"
cat >"$folder/redis.conf" <<END
bind * -::*
requirepass $redis_password
save ""
appendonly no
maxmemory 400mb
maxmemory-policy noeviction
END
cat >"$folder/engines.toml.new" <<END
[postgres]
url = "postgres://carrel:$postgres_password@postgres:5432/carrel"

[redis]
urls = ["redis://redis:6379"]
password = "$redis_password"
key = "$redis_key"
END
chmod 0644 "$folder"/*
mv "$folder/engines.toml.new" "$folder/engines.toml"
echo "$folder has the secrets now; back it up as you would a key"
