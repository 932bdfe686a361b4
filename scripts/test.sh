#!/usr/bin/env bash
# Sets everything up and runs the whole test suite that this machine can run.
#   scripts/test.sh            everything
#   scripts/test.sh -L unit    any option of ctest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --tests
exec ctest --test-dir build --output-on-failure "$@"
