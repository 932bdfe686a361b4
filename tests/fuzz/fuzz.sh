#!/usr/bin/env bash
# Fuzzes the readers of a checkpoint's small files and of public models' files for MINUTES, or SECONDS, in all, beginning
# with the corpus in git. Fails at the first crash, input that takes longer than 5 s, or allocation of more than 64 MiB.
#   tests/fuzz/fuzz.sh MINUTES [FOLDER OF THE FUZZERS]    or 21s instead of minutes; default build/tests/fuzz; what is found stays there too
#   tests/fuzz/fuzz.sh keep [FOLDER OF THE FUZZERS]       puts what was found into the corpus in git, minimised
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
minutes=${1:-}
fuzzers=${2:-$here/../../build/tests/fuzz}
[[ "$minutes" =~ ^([0-9]+s?|keep)$ ]] || { echo "fuzz.sh: say how many minutes, seconds as 21s, or keep" >&2; exit 2; }
case "$minutes" in
  keep) seconds=0 ;;
  *s) seconds=${minutes%s} ;;
  *) seconds=$((minutes * 60)) ;;
esac
parsers=()
for fuzzer in "$fuzzers"/*_fuzzer; do
  parser=$(basename "$fuzzer")
  parsers+=("${parser%_fuzzer}")
done
limits=(-timeout=5 -malloc_limit_mb=64 -rss_limit_mb=512 -max_len=32768)
runs=0
for parser in "${parsers[@]}"; do
  found="$fuzzers/found/$parser"
  corpus="$here/corpus/$parser"
  mkdir -p "$found" "$corpus"
  if [ "$minutes" = keep ]; then
    smaller=$(mktemp -d)
    "$fuzzers/${parser}_fuzzer" "${limits[@]}" -max_len=8192 -use_counters=0 -set_cover_merge=1 "$smaller" "$corpus" "$found" 2>/dev/null
    rm -f "$corpus"/*
    cp "$smaller"/* "$corpus"
    rm -rf "$smaller"
    echo "$parser: $(find "$corpus" -type f | wc -l) inputs, $(du -sb "$corpus" | cut -f1) bytes"
    continue
  fi
  options=("${limits[@]}" "-max_total_time=$((seconds / ${#parsers[@]}))" "-artifact_prefix=$found/../$parser-"
           -print_final_stats=1)
  [ -f "$here/$parser.dict" ] && options+=("-dict=$here/$parser.dict")
  log="$fuzzers/$parser.log"
  if ! "$fuzzers/${parser}_fuzzer" "${options[@]}" "$found" "$corpus" >"$log" 2>&1; then
    grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|INITED|RELOAD)' "$log" | tail -40
    echo "fuzz.sh: the $parser fuzzer failed; to repeat it: $fuzzers/${parser}_fuzzer INPUT, with the file named above" >&2
    exit 1
  fi
  count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
  echo "$parser: $count inputs, peak $peak MiB, $(grep -oE 'cov: [0-9]+' "$log" | tail -1) edges"
  runs=$((runs + count))
done
[ "$minutes" = keep ] || echo "$runs inputs in $seconds s: no crash, no hang, no large allocation"
