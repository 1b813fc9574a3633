#!/usr/bin/env bash
# Feeds every decoder with what libFuzzer thinks of, each for FUZZ_SECONDS, 60 if not set; or only those named. What
# it finds is in fuzz/artifacts/, what it learned in fuzz/corpus/.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh fuzz
PATH="$TOOLS/cargo-fuzz-$CARGO_FUZZ_VERSION/bin:$PATH"
# libFuzzer's counters are unstable options of rustc; a stable one takes them when told so.
export RUSTC_BOOTSTRAP=1

seconds="${FUZZ_SECONDS:-60}"
[[ "$seconds" =~ ^[0-9]+$ ]] || give_up "FUZZ_SECONDS is a whole number of seconds, not '$seconds'"
decoders=("$@")
[ "$#" -gt 0 ] || mapfile -t decoders < <(cargo fuzz list)
for decoder in "${decoders[@]}"; do
  section "fuzzing $decoder for $seconds s"
  mkdir -p "fuzz/corpus/$decoder"
  [ "$decoder" != directory_file ] || cp carrel/demo/directory.toml "fuzz/corpus/$decoder/"
  # No sanitizer: the workspace has no unsafe code, and runs faster without.
  cargo fuzz run --sanitizer none "$decoder" -- \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1
done
