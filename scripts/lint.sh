#!/usr/bin/env bash
# Checks everything that can be checked without running Carrel. All checks run, even after one has failed.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh web e2e deny

failures=0

# Runs one check, under its name.
check() {
  local name="$1"
  shift
  section "$name"
  if "$@"; then
    echo ok
  else
    echo "FAILED: $name"
    failures=$((failures + 1))
  fi
}

buf() (
  cd proto && "$WEB_BIN/buf" "$@"
)

deny() {
  PATH="$TOOLS/cargo-deny-$CARGO_DENY_VERSION/bin:$PATH" \
    cargo deny "$@" --locked --log-level error --config deny.toml check bans licenses sources
}

check "rustfmt" cargo fmt --all --check
check "rustfmt of the trace viewer" cargo fmt --manifest-path observe/trace-viewer/Cargo.toml --check
check "buf lint" buf lint
check "buf breaking, against proto/baseline.binpb" buf breaking --against baseline.binpb
check "pages: types" npm run --silent --prefix gateway/web check
check "pages: biome" npm run --silent --prefix gateway/web lint
check "browser tests: types" npm run --silent --prefix e2e check
check "browser tests: biome" npm run --silent --prefix e2e lint
check "cargo deny: bans, licences, sources" deny --workspace
check "cargo deny of the trace viewer" deny --manifest-path observe/trace-viewer/Cargo.toml
check "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

if [ "$failures" -gt 0 ]; then
  give_up "$failures checks failed"
fi
