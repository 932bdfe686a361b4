#!/usr/bin/env bash
# Sets everything up, checks the sources (scripts/check.py), looks for races (scripts/sanitize.sh threads), and runs the
# whole test suite that this machine can run. Ends with a report of what took how long, which fails far above the budgets
# in tests/budgets.txt.
#   scripts/test.sh            everything
#   scripts/test.sh -L unit    any option of ctest: only the tests that it selects
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export TRIREME_DURATIONS="$PWD/build/durations"
rm -rf "$TRIREME_DURATIONS"
mkdir -p "$TRIREME_DURATIONS"
failed=()

# run NAME LABEL COMMAND …: measured, for the report; a failure is told at the end.
run() {
  if command -v python3 >/dev/null; then
    python3 tests/support/measured.py "$@" || failed+=("$1")
  else
    "${@:3}" || failed+=("$1")
  fi
}

run setup build scripts/setup.sh --tests
[ ${#failed[@]} -eq 0 ] || exit 1
python=.deps/venv/bin/python
if [ $# -eq 0 ]; then
  run check check "$python" scripts/check.py
  run sanitize check scripts/sanitize.sh threads
fi
# The suite runs in places of its own and ends by looking for what it left behind. Two tests at a time; those that use
# several processes have the machine to themselves (PROCESSORS in cmake/TriremeTests.cmake).
"$python" tests/support/leftovers.py ctest --test-dir build --output-on-failure -j2 "$@" || failed+=(tests)
"$python" tests/support/durations.py tests/budgets.txt "$TRIREME_DURATIONS" || failed+=(durations)
[ ${#failed[@]} -eq 0 ] || { echo "test.sh: failed: ${failed[*]}" >&2; exit 1; }
