#!/usr/bin/env bash
# Builds unit tests with sanitizers, in a directory of their own, and runs them.
#   scripts/sanitize.sh threads      what works with several threads (the signal thread, saves beside the training, NCCL
#                                    communicators over the fake runtime, device kernels on the host): races, and the
#                                    kinds of undefined behaviour whose checks are cheap to compile; in every run of
#                                    scripts/test.sh
#   scripts/sanitize.sh tsan         the same over all unit tests of base, io, collectives and slurm; in scripts/soak.sh
#   scripts/sanitize.sh asan         the same tests: memory errors, every kind of undefined behaviour; in scripts/soak.sh
#   scripts/sanitize.sh asan-torch   models and launcher, which use LibTorch (itself without sanitizers; built with NDEBUG, on
#                                    which the layout of its classes depends); in scripts/soak.sh
# Why only `threads` is in every run: a second build of these four folders and their tests takes about 600 CPU seconds
# whichever sanitizer it has (280 objects of 2.1 s with -O1; null, alignment, vptr and object-size would double that), six
# minutes of the suite on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-}
[[ "$preset" =~ ^(threads|tsan|asan|asan-torch)$ ]] || { echo "sanitize.sh: say threads, tsan, asan or asan-torch" >&2; exit 2; }
tests=(base_test base_signals_test retry_io_test topology_test collective_ops_test launch_test fake_cuda_test
       fake_nccl_test slurm_test hdf5_test documents_test tokenizer_test tokens_test lease_test checkpoint_test
       device_kernels_test pinned_memory_test)
if [ "$preset" = threads ]; then
  preset=tsan
  tests=(base_signals_test checkpoint_test fake_cuda_test fake_nccl_test device_kernels_test pinned_memory_test)
  # Tens of thousands of damaged files and failing calls: two minutes here, and for the soak.
  export GTEST_FILTER='-Parse.*:Damage.EveryFlippedByte*:DirectIo.AFailingCall*'
elif [ "$preset" = asan-torch ]; then
  tests=(spec_test schedule_test layout_arithmetic_test cpu_kernels_test portable_kernels_test attention_test attention_method_test
         chunk_test optim_test trainer_test options_test launcher_test doctor_judgement_test resharding_test)
fi
mkdir -p "build-$preset"
cmake --preset "$preset" >"build-$preset/configure.log" 2>&1 || { tail -15 "build-$preset/configure.log" >&2; exit 1; }
if ! grep -q 'their headers ON' "build-$preset/configure.log"; then
  echo "sanitize.sh: no headers of CUDA and NCCL: the tests over the fake ones are left out"
  mapfile -t tests < <(printf '%s\n' "${tests[@]}" | grep -vE '^(fake_cuda|fake_nccl|pinned_memory)_test$')
fi
ninja -C "build-$preset" "${tests[@]}" >"build-$preset/build.log" 2>&1 \
  || { grep -E 'error|FAILED' -A3 "build-$preset/build.log" | head -30 >&2; exit 1; }
# Only the report for the whole counts.
unset TRIREME_DURATIONS
export TSAN_OPTIONS=halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
# GCC 12's TSan dies where addresses are more random than it knows (vm.mmap_rnd_bits above 28).
fixed=()
setarch -R true 2>/dev/null && fixed=(setarch -R)
exec "${fixed[@]}" ctest --test-dir "build-$preset" --output-on-failure -j2 -R "^($(IFS='|'; echo "${tests[*]}"))\$"
