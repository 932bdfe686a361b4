#!/usr/bin/env bash
# Sets everything up and runs the whole test suite that this machine can run.
#   scripts/test.sh            everything
#   scripts/test.sh -L unit    any option of ctest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --tests
# The suite runs in places of its own and ends by looking for what it left behind.
exec .deps/venv/bin/python tests/support/leftovers.py ctest --test-dir build --output-on-failure "$@"
