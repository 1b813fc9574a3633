#!/usr/bin/env bash
# Fuzzes every decoder, or only those named, with libFuzzer, each for FUZZ_SECONDS (60 if not set). Failing inputs are
# in fuzz/artifacts/, and the corpus is in fuzz/corpus/.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh fuzz
PATH="$TOOLS/cargo-fuzz-$CARGO_FUZZ_VERSION/bin:$PATH"
# libFuzzer's counters are unstable options of rustc, which a stable compiler accepts only with this.
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
