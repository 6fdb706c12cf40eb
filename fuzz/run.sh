#!/usr/bin/env bash
# Runs the fuzz targets with a stable compiler: fuzz/run.sh SECONDS [TARGET...]
# Needs only cargo and a C++ compiler. The corpus grows in fuzz/corpus/TARGET; findings go to
# fuzz/artifacts/TARGET and end the script with 1. FUZZ_SEED=N begins each run at the same place.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
mapfile -t all < <(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | tail -n +2)
targets=("${@:-${all[@]}}")

# What cargo-fuzz passes, without the sanitizers that need a nightly compiler: coverage counters and
# comparison tracing, with debug assertions and overflow checks on.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-simplifycfg-branch-fold-threshold=0"
host=$(rustc -vV | sed -n 's/^host: //p')
# --target keeps the flags away from build scripts and macros.
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
cargo build --release --locked --target "$host" "${bins[@]}"
built=${CARGO_TARGET_DIR:-target}/$host/release

failed=()
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  folders=("corpus/$target")
  [ ! -d "seeds/$target" ] || folders+=("seeds/$target")
  dictionary=()
  [ ! -f "dictionaries/$target.dict" ] || dictionary=("-dict=dictionaries/$target.dict")
  echo "== $target"
  if "$built/$target" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="artifacts/$target/" "${dictionary[@]}" "${folders[@]}" \
    >"artifacts/$target.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "artifacts/$target.log")
    first=$(grep -m1 -o 'cov: [0-9]*' "artifacts/$target.log" || echo 'cov: ?')
    last=$(grep -o 'cov: [0-9]*' "artifacts/$target.log" | tail -1)
    echo "$target: $runs runs, coverage ${first#cov: } -> ${last#cov: }, no finding"
  else
    tail -30 "artifacts/$target.log"
    failed+=("$target")
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "findings in: ${failed[*]} (inputs in fuzz/artifacts)"
  exit 1
fi
