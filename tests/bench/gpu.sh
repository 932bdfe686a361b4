#!/usr/bin/env bash
# The first hour on a machine with a GPU and the CUDA toolkit. Each takes at most 4 minutes, its build included (16 cores).
#   tests/bench/gpu.sh correct   the tests labelled gpu (communicators, one chunk against the host, every layout against one
#                                rank, a run saved from the GPU and restored to it); memcheck and racecheck of the device test
#   tests/bench/gpu.sh speed     seconds per step and share of the measured peak of a 1B model and of 8 layers of an 8B one
#                                (bf16, 4,096 tokens), with PyTorch eager and compiled beside them
# Builds in build-gpu for the GPU that is there. $TRIREME_VENV names a Python environment with torch (default .deps/venv,
# which scripts/setup.sh makes). Exits with 77 where no GPU is visible.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
part=${1:-}
[[ "$part" =~ ^(correct|speed)$ ]] || { echo "gpu.sh: say correct or speed" >&2; exit 2; }
if ! nvidia-smi -L 2>/dev/null; then
  echo "gpu.sh: skipped: no GPU visible (nvidia-smi shows none)"
  exit 77
fi
export TRIREME_VENV=${TRIREME_VENV:-$PWD/.deps/venv} TRIREME_SOURCE=$PWD TRIREME_BUILD=$PWD/build-gpu
export TRIREME_BIN=$TRIREME_BUILD/bin/trireme
export PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
targets=(trireme trireme-run trireme_cuda)
[ "$part" = speed ] || targets+=(nccl_communicator_test device_test device_update_test layout_test)
cmake -S . -B build-gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DTRIREME_VENV="$TRIREME_VENV" \
  -DCMAKE_CUDA_ARCHITECTURES=native >build-gpu.log
ninja -C build-gpu "${targets[@]}" >>build-gpu.log || { tail -30 build-gpu.log; exit 1; }

if [ "$part" = speed ]; then
  exec "$TRIREME_VENV/bin/python" tests/bench/gpu_speed.py
fi

failed=()
check() {
  echo "== $1"
  "${@:2}" || failed+=("$1")
}
check 'tests labelled gpu' timeout 150 ctest --test-dir build-gpu -L gpu --output-on-failure
for tool in memcheck racecheck; do
  for test in device_update_test device_test; do
    check "$tool of $test" timeout 60 compute-sanitizer --tool "$tool" --error-exitcode 1 "build-gpu/tests/$test" --gtest_brief=1
  done
done
[ ${#failed[@]} -eq 0 ] || { printf 'gpu.sh: failed: %s\n' "${failed[@]}" >&2; exit 1; }
