#!/usr/bin/env bash
# What takes too long for every test run, again and again for MINUTES (default 60) each:
#   preemption   every way to be preempted on a real Slurm that it starts on this machine (as root)
#   slurm        every case of the training under Slurm, also those that the suite leaves out; a sweep of 200 trials
#                whose trials, tasks and nodes are killed; a program that loses a node under srun; a spare run
#                beside other people's jobs
#   faults       every fault at every call of a save with ever other random crashes, kills in rounds of 200, full disks
#   fuzz         the readers of a checkpoint's small files, at most 30 minutes
#   resume       one run killed a hundred times, and one of each architecture killed ten times on four ranks, must
#                end in the same bytes as undisturbed ones
#   layouts      bad batches, killed and rolled back in every layout; twenty layouts train like one rank, and twenty runs go on in another layout, each time with another seed;
#                once, every layout's checkpoint in every other layout
# and once, however long that takes:
#   sources      scripts/check.py --all: clang-tidy over every source, every header compiled alone
#   sanitizers   scripts/sanitize.sh tsan, asan and asan-torch: the unit tests under TSan, ASan and UBSan
# Appends a dated line for each to docs/reliability.md.
#   scripts/soak.sh 30            all parts
#   scripts/soak.sh 30 faults     these parts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
minutes=${1:-60}
[[ "$minutes" =~ ^[0-9]+$ ]] || { echo "soak.sh: $minutes is no number of minutes" >&2; exit 2; }
parts=("${@:2}")
[ "${#parts[@]}" -gt 0 ] || parts=(preemption slurm faults fuzz resume layouts sources sanitizers)
for part in "${parts[@]}"; do
  [[ "$part" =~ ^(preemption|slurm|faults|fuzz|resume|layouts|sources|sanitizers)$ ]] || { echo "soak.sh: no part $part; there are preemption, slurm, faults, fuzz, resume, layouts, sources, sanitizers" >&2; exit 2; }
done
scripts/setup.sh --tests
export TRIREME_BIN="$PWD/build/bin/trireme" TRIREME_VENV="$PWD/.deps/venv" TRIREME_SOURCE="$PWD" TRIREME_BUILD="$PWD/build"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

# record TEXT GOOD BAD: the dated line.
record() {
  printf -- '- %s, %s min, %s: %s: %s good, %s failed\n' "$(date -u +%F)" "$minutes" "$(git rev-parse --short HEAD)" \
    "$@" | tee -a docs/reliability.md
  [ "$3" = 0 ] && [ "$2" -gt 0 ] || failed=1
}

preemption() {
  while [ "$SECONDS" -lt "$end" ]; do
    "$TRIREME_VENV/bin/python" tests/slurm/training_test.py --matrix | tee -a "$log" || true
  done
  record 'preemption matrix (mode x grace x signal x launcher)' \
    "$(grep -c ': loss ' "$log" || true)" "$(grep -c ': FAILED' "$log" || true)"
}

slurm() {
  while [ "$SECONDS" -lt "$end" ]; do
    "$TRIREME_VENV/bin/python" tests/slurm/training_test.py --all | tee -a "$log" || true
    TRIALS=200 "$TRIREME_VENV/bin/python" tests/slurm/sweep_test.py kills | tee -a "$log" || true
    "$TRIREME_VENV/bin/python" tests/slurm/program_test.py node_killed_srun | tee -a "$log" || true
    "$TRIREME_VENV/bin/python" tests/slurm/spare_test.py compete 300 | tee -a "$log" || true
  done
  record 'trainings, programs, sweeps and spare jobs under Slurm' "$(grep -E '^[a-z_]+: .* \([0-9]+ s\)$' "$log" | grep -vc ': FAILED' || true)" \
    "$(grep -c '^[a-z_]*: FAILED' "$log" || true)"
}

fuzz() {
  local status=0
  tests/fuzz/fuzz.sh "$((minutes < 30 ? minutes : 30))" 2>&1 | tee -a "$log" || status=1
  record "fuzzing, $(tail -1 "$log"): runs" "$((1 - status))" "$status"
}

# What tests under mpirun need on a machine with fewer processors than ranks, also as root.
for_mpi() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OMP_NUM_THREADS=1
  export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
  export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=1000000000
}

# again TEXT FILE ARGUMENT …: the system tests FILE ARGUMENT one after the other until the time is over.
again() {
  local text=$1 good=0 bad=0
  shift
  while [ "$SECONDS" -lt "$end" ]; do
    for ((i = 1; i < $#; i += 2)); do
      if TRIREME_SEED=$RANDOM "$TRIREME_VENV/bin/python" "tests/system/${!i}" "${@:i + 1:1}" 2>&1 | tee -a "$log"; then
        good=$((good + 1))
      else
        bad=$((bad + 1)) && echo "FAILED: ${!i} ${*:i + 1:1}"
      fi
    done
  done
  record "$text: runs" "$good" "$bad"
}

resume() {
  again 'runs killed 100 and 10 times and resumed, bit for bit' kill_cycles_test.py 100 resume_test.py 10
}

layouts() {
  TRIREME_ALL_PAIRS=1 build/tests/resharding_test --gtest_filter='Resharding.*' 2>&1 | tee -a "$log" || failed=1
  "$TRIREME_VENV/bin/python" tests/system/health_test.py --all 2>&1 | tee -a "$log" || failed=1
  again 'drawn layouts against one rank, and against straight runs' layouts_cli_test.py 20 resharding_cli_test.py 20
}

faults() {
  local round=0 good=0 bad=0
  one() {
    local status=0
    "$@" 2>&1 | tee -a "$log" || status=${PIPESTATUS[0]}
    case "$status" in
      0) good=$((good + 1)) ;;
      77) ;;  # skipped, and it has said why
      *) bad=$((bad + 1)) && echo "FAILED: $*" ;;
    esac
  }
  while [ "$SECONDS" -lt "$end" ]; do
    round=$((round + 1))
    one build/tests/checkpoint_fault_test --gtest_brief=1 --gtest_random_seed="$round"
    one build/tests/checkpoint_fault_upkeep_test --gtest_brief=1 --gtest_random_seed="$round"
    one build/tests/checkpoint_fault_local_test --gtest_brief=1 --gtest_random_seed="$round"
    one "$TRIREME_VENV/bin/python" tests/system/kill_test.py mpirun build/tests/save_loop 200
    one "$TRIREME_VENV/bin/python" tests/system/full_disk_test.py mpirun build/tests/save_loop
  done
  local cases
  cases=$(awk '/ distinct cases$/ {n += $1} END {print n + 0}' "$log")
  record "faults of the file system, kills, full disks ($cases cases): programs" "$good" "$bad"
}

# once TEXT COMMAND …: a part that says good or bad once.
once() {
  local status=0
  "${@:2}" 2>&1 | tee -a "$log" || status=1
  record "$1: runs" "$((1 - status))" "$status"
}

for_mpi
for part in "${parts[@]}"; do
  : > "$log"
  end=$((SECONDS + 60 * minutes))
  case "$part" in
    preemption) preemption ;;
    slurm) slurm ;;
    faults) faults ;;
    fuzz) fuzz ;;
    resume) resume ;;
    layouts) layouts ;;
    sources) once 'clang-tidy over every source, every header alone' "$TRIREME_VENV/bin/python" scripts/check.py --all ;;
    sanitizers)
      once 'unit tests without LibTorch under TSan and UBSan' scripts/sanitize.sh tsan
      once 'unit tests without LibTorch under ASan and UBSan' scripts/sanitize.sh asan
      once 'unit tests with LibTorch under ASan and UBSan' scripts/sanitize.sh asan-torch
      ;;
  esac
done
exit "$failed"
