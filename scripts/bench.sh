#!/usr/bin/env bash
# Prints the ratios of docs/performance.md against peers measured in the same run. Takes some tens of minutes on a
# quiet machine; do not run anything beside it.
#   scripts/bench.sh                 everything
#   scripts/bench.sh train_step …    only the named ones: train_step products optimizers attention generation layouts tokenizer hub average checkpoint saving slurm sweep metrics report runs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --tests
export TRIREME_BIN="$PWD/build/bin/trireme" TRIREME_VENV="$PWD/.deps/venv" TRIREME_SOURCE="$PWD"
export TRIREME_BUILD="$PWD/build"
[ "$(id -u)" -eq 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(train_step products optimizers attention generation layouts tokenizer hub average checkpoint saving slurm sweep metrics report runs)
for name in "${names[@]}"; do
  [ -f "tests/bench/$name.py" ] || { echo "bench.sh: no benchmark named $name in tests/bench" >&2; exit 2; }
  printf '\n== %s\n' "$name"
  "$TRIREME_VENV/bin/python" "tests/bench/$name.py" || [ $? -eq 77 ]  # 77: skipped, the reason stands there
done
