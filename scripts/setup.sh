#!/usr/bin/env bash
# Installs the named parts that are missing: web, e2e, python, deploy, chromium, redis, postgres, prometheus, protoc,
# strace, faketime, eatmydata, valgrind, deny, fuzz. Running it again does nothing.
#
# Prerequisites: Rust with cargo and a C compiler, Node 20 with npm, Python 3.11 and Debian's apt. Packages of npm,
# Python and cargo go into the working tree, to node_modules and .tools; the others are Debian's, unless the programs
# are there.
source "$(dirname "$0")/environment.sh"

# Whether the folder $1 was installed from exactly the file $2.
installed_from() {
  [ -f "$1/.installed-from" ] && cmp -s "$1/.installed-from" "$2"
}

# Runs a command that downloads something, and retries it twice, after 5 and 20 s: a server that does not answer is
# seldom away for long.
retry() {
  local pause
  for pause in 5 20; do
    "$@" && return
    echo "'$1' failed; trying again in $pause s"
    sleep "$pause"
  done
  "$@"
}

install_npm() {
  installed_from "$1/node_modules" "$1/package-lock.json" && return
  echo "installing the npm packages of $1"
  quietly retry npm ci --prefix "$1" --no-audit --no-fund --loglevel=error
  cp "$1/package-lock.json" "$1/node_modules/.installed-from"
}

# Installs the Python packages that the file $2 names into the environment $1.
install_python() {
  local home="$1" requirements="$2"
  installed_from "$home" "$requirements" && return
  echo "installing the Python packages of $requirements"
  python3 -c 'import ensurepip, venv' 2>/dev/null || install_debian python3-venv
  rm -rf "$home"
  quietly python3 -m venv "$home"
  quietly retry "$home/bin/pip" install --quiet --requirement "$requirements"
  cp "$requirements" "$home/.installed-from"
}

install_deny() {
  local home="$TOOLS/cargo-deny-$CARGO_DENY_VERSION"
  [ -x "$home/bin/cargo-deny" ] && return
  echo "building cargo-deny $CARGO_DENY_VERSION, once"
  # Built unoptimised and without its own network client: a minute instead of ten, with the same results.
  CARGO_TARGET_DIR="$TOOLS/build" CARGO_PROFILE_DEV_DEBUG=0 quietly retry cargo install cargo-deny \
    --version "$CARGO_DENY_VERSION" --locked --debug --no-default-features --root "$home"
  rm -rf "$TOOLS/build"
}

install_fuzz() {
  local home="$TOOLS/cargo-fuzz-$CARGO_FUZZ_VERSION"
  [ -x "$home/bin/cargo-fuzz" ] && return
  echo "building cargo-fuzz $CARGO_FUZZ_VERSION, once"
  CARGO_TARGET_DIR="$TOOLS/build" CARGO_PROFILE_DEV_DEBUG=0 quietly retry cargo install cargo-fuzz \
    --version "$CARGO_FUZZ_VERSION" --locked --debug --root "$home"
  rm -rf "$TOOLS/build"
}

install_chromium() {
  [ -n "${CHROMIUM:-}" ] && return
  command -v chromium >/dev/null && return
  echo "installing Debian's chromium"
  install_debian chromium fonts-liberation
}

install_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return
  echo "installing Debian's postgresql"
  # Tests start their own servers; the package must not start another one.
  install_debian postgresql-common
  echo 'create_main_cluster = false' | quietly "${AS_ROOT[@]}" tee -a /etc/postgresql-common/createcluster.conf
  install_debian postgresql
}

# Tests start their own servers; the package's service must not run.
install_redis() {
  command -v redis-server >/dev/null && command -v redis-sentinel >/dev/null && command -v redis-cli >/dev/null && return
  echo "installing Debian's redis"
  without_services install_debian redis-server redis-sentinel redis-tools
}

# Installs the server and promtool; the package's service must not run.
install_prometheus() {
  command -v prometheus >/dev/null && command -v promtool >/dev/null && return
  echo "installing Debian's prometheus"
  without_services install_debian --no-install-recommends prometheus
}

# Compiles the trace viewer's protos; Carrel's own do not need it.
install_protoc() {
  command -v protoc >/dev/null && return
  echo "installing Debian's protobuf-compiler"
  install_debian protobuf-compiler
}

install_strace() {
  command -v strace >/dev/null && return
  echo "installing Debian's strace"
  install_debian strace
}

install_faketime() {
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null && return
  echo "installing Debian's libfaketime"
  install_debian libfaketime
}

install_eatmydata() {
  compgen -G '/usr/lib/*/libeatmydata.so' >/dev/null && return
  echo "installing Debian's libeatmydata"
  install_debian libeatmydata1
}

install_valgrind() {
  command -v valgrind >/dev/null && return
  echo "installing Debian's valgrind"
  install_debian valgrind
}

# Runs a command during which Debian's packages do not start their services.
without_services() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ] || [ "$(id -u)" != 0 ]; then
    "$@"
    return
  fi
  (
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    "$@"
  )
}

install_debian() {
  command -v apt-get >/dev/null || give_up "install these by hand, this machine has no apt-get: $*"
  # Another apt may be running, for example the automatic one on a machine that has just booted.
  local apt_get=("${AS_ROOT[@]}" apt-get -o DPkg::Lock::Timeout=300 -qq)
  quietly retry "${apt_get[@]}" update
  DEBIAN_FRONTEND=noninteractive quietly retry "${apt_get[@]}" install -y "$@"
}

AS_ROOT=()
[ "$(id -u)" = 0 ] || AS_ROOT=(sudo)
mkdir -p "$TOOLS"
for part in "$@"; do
  case "$part" in
    web) install_npm gateway/web ;;
    e2e) install_npm e2e ;;
    python) install_python "$TOOLS/venv" clients/requirements.txt ;;
    deploy) install_python "$TOOLS/venv-deploy" deploy/requirements.txt ;;
    deny) install_deny ;;
    fuzz) install_fuzz ;;
    chromium) install_chromium ;;
    postgres) install_postgres ;;
    redis) install_redis ;;
    prometheus) install_prometheus ;;
    protoc) install_protoc ;;
    strace) install_strace ;;
    faketime) install_faketime ;;
    eatmydata) install_eatmydata ;;
    valgrind) install_valgrind ;;
    *) give_up "scripts/setup.sh knows the parts that its first lines name, not '$part'" ;;
  esac
done
