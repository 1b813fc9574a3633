#!/usr/bin/env bash
# Measures how fast Carrel is compared with what the socket and the disk allow, and with the last committed result.
# Without arguments, it runs every scenario five times, in an hour and a half; `--size brief --runs 3` takes a quarter
# of that. The arguments are those of `carrel-bench run`; docs/performance.md explains them.
#
# If the programs of the last result are still in target/bench, they are run in alternation with the new ones.
# BENCH_AGAINST names another commit, which is built first if necessary. BENCH_SAVE=yes keeps the result in
# bench/results.
source "$(dirname "$0")/environment.sh"
scripts/pages.sh
scripts/setup.sh redis postgres eatmydata

packages=(--package carrel --package carrel-session --package carrel-presence --package carrel-im --package carrel-gateway)
programs=(carrel carrel-session carrel-presence carrel-im carrel-gateway)

# Copies the programs of the commit $1 from the folder $2 to target/bench, where later runs find them.
keep_programs() {
  mkdir -p "$TARGET/bench/$1"
  for program in "${programs[@]}"; do
    cp "$2/$program" "$TARGET/bench/$1/"
  done
}

section "programs"
cargo build --locked --quiet --release "${packages[@]}" --package carrel-bench
commit="$(git rev-parse --short=10 HEAD)"
[ -n "$(git status --porcelain --untracked-files=no)" ] || keep_programs "$commit" "$TARGET/release"

options=()
last="$(find bench/results -name '*.json' | sort | tail -n 1)"
against="${BENCH_AGAINST:-}"
if [ -n "$last" ]; then
  options+=(--last "$last")
  [ -n "$against" ] || against="$(basename "$last" .json | sed 's/.*-//')"
fi
if [ -n "${BENCH_AGAINST:-}" ] && [ ! -d "$TARGET/bench/$against" ]; then
  section "programs of $against"
  tree="$TARGET/bench/tree"
  git worktree add --force --detach "$tree" "$against"
  [ -d "$tree/gateway/web/dist" ] || cp -r gateway/web/dist "$tree/gateway/web/dist"
  (cd "$tree" && CARGO_TARGET_DIR="$TARGET/bench/build" cargo build --locked --quiet --release "${packages[@]}")
  keep_programs "$against" "$TARGET/bench/build/release"
  git worktree remove --force "$tree"
fi
if [ -d "$TARGET/bench/$against" ] && [ -n "$against" ] && [ "$against" != "$commit" ]; then
  options+=(--against "$TARGET/bench/$against" --against-name "$against")
fi
if [ "${BENCH_SAVE:-no}" = yes ]; then
  mkdir -p bench/results
  options+=(--json "bench/results/$(date -u +%Y-%m-%d)-$commit.json")
fi

section "bench"
"$TARGET/release/carrel-bench" run "${options[@]}" "$@"
