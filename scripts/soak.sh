#!/usr/bin/env bash
# What takes too long for every test run: again and again, for MINUTES (default 60), every way to be preempted on a real
# Slurm that it starts on this machine (as root). Before that, 30 minutes of fuzzing (MINUTES when that is less). Appends
# dated counts to docs/reliability.md.
#   scripts/soak.sh 30
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
minutes=${1:-60}
[[ "$minutes" =~ ^[0-9]+$ ]] || { echo "soak.sh: $minutes is no number of minutes" >&2; exit 2; }
scripts/setup.sh --tests
export TRIREME_BIN="$PWD/build/bin/trireme" TRIREME_VENV="$PWD/.deps/venv" TRIREME_SOURCE="$PWD"
fuzz_minutes=$((minutes < 30 ? minutes : 30))
fuzzed=$(tests/fuzz/fuzz.sh "$fuzz_minutes" | tee /dev/stderr | tail -1)
printf -- '- %s, %s: fuzzing of a checkpoint'"'"'s small files: %s\n' \
  "$(date -u +%F)" "$(git rev-parse --short HEAD)" "$fuzzed" | tee -a docs/reliability.md
log=$(mktemp)
end=$((SECONDS + 60 * minutes))
while [ "$SECONDS" -lt "$end" ]; do
  "$TRIREME_VENV/bin/python" tests/slurm/training_test.py --matrix | tee -a "$log" || true
done
good=$(grep -c ': loss ' "$log" || true)
bad=$(grep -c ': FAILED' "$log" || true)
printf -- '- %s, %s min, %s: preemption matrix (mode x grace x signal x launcher): %s good, %s failed\n' \
  "$(date -u +%F)" "$minutes" "$(git rev-parse --short HEAD)" "$good" "$bad" | tee -a docs/reliability.md
rm -f "$log"
[ "$bad" = 0 ] && [ "$good" -gt 0 ]
