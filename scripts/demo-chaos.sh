#!/usr/bin/env bash
# See it survive: a real Slurm of four nodes on this machine; one training of ours and one plain PyTorch script, both
# preempted, then robbed of a node each, so that they go on with half of their ranks; ours is also stopped by the time
# limit of its job. Ends with what each lost, and with the losses of the same trainings that nobody disturbed. Takes about
# three minutes on two quiet cores, and root, as every devcluster does. Everything lies in chaos/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
scripts/setup.sh --tests
export PATH="$root/build/bin:$root/.deps/venv/bin:$PATH" OMP_NUM_THREADS=1 TRIREME_SITE=none
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
  OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none

step() { printf '\n%s\n' "$*"; }
fail() { printf 'demo-chaos.sh: %s\n' "$*" >&2; exit 1; }
on_cluster() { trireme devcluster run --dir "$root/chaos/slurm" "$@"; }

# The newest step that a run's metrics tell, 0 before there is one.
step_of() { { grep -o '"step": *[0-9]*' "runs/$1/metrics.jsonl" 2>/dev/null || true; } | tail -1 | grep -o '[0-9]*$' || echo 0; }
last_loss() { grep -o '"loss": *[-+.e0-9]*' "runs/$1/metrics.jsonl" | tail -1 | grep -o '[-+.e0-9]*$'; }
ended() { grep -q '"reason":"done' "runs/$1/attempts.jsonl" 2>/dev/null; }
job_of() { on_cluster squeue --noheader --name="$1" --format=%i | head -1; }
last_node_of() { on_cluster scontrol show hostnames "$(on_cluster squeue --noheader --name="$1" --format=%N)" | tail -1; }

# wait_for RUN STEP ATTEMPT: until the run is at that step in that attempt or a later one, or is done.
wait_for() {
  local waited=0
  until ended "$1" || { [ "$(step_of "$1")" -ge "$2" ] && [ "$(grep -c '"start"' "runs/$1/attempts.jsonl")" -ge "$3" ]; }; do
    sleep 0.5
    waited=$((waited + 1))
    [ "$waited" -lt 1200 ] || fail "no progress for ten minutes: see chaos/runs/*/logs"
  done
}

# kill_a_node RUN: the last one that it has.
kill_a_node() {
  local node; node=$(last_node_of "$1" 2>/dev/null || true)
  [ -n "$node" ] || { printf '  %s is done already\n' "$1"; return 0; }
  printf '  %s loses %s\n' "$1" "$node"
  trireme devcluster kill-node --dir slurm "$node" | sed 's/^/  /'
}

trireme devcluster down --dir chaos/slurm >/dev/null 2>&1 || true
rm -rf chaos && mkdir chaos && cd chaos
started=$SECONDS

step "1. Two trainings: a small Llama on the King James Bible, and plain PyTorch (examples/program/ddp.py)"
bible -f 'gen1:1-exo40:38' >bible.txt
trireme tokenizer train --vocab 512 --output tokenizer.json bible.txt >/dev/null
trireme prepare --tokenizer tokenizer.json --output bible.h5 bible.txt >/dev/null
cat >ours.ini <<'INI'
[model]
layers = 2
hidden = 64
heads = 4
sequence = 64
[data]
train = bible.h5
[train]
steps = 1200
global_batch = 16
micro_batch = 4
precision = fp64
[checkpoint]
every_steps = 50
[log]
every_steps = 50
[slurm]
nodes = 2
min_nodes = 1
ranks_per_node = 1
cpus_per_task = 1
time = 1
INI
cp ../examples/program/ddp.py .
cat >script.ini <<'INI'
[program]
command = python3 ddp.py
launcher = torchrun
params = lr = 1e-2, steps = 400, delay = 0.2
stop_seconds = 5
[slurm]
nodes = 2
min_nodes = 1
ranks_per_node = 1
cpus_per_task = 1
time = 5
INI
step "2. The same without any trouble, meanwhile, for the losses to compare with"
trireme train ours.ini --run.name=ours-alone >ours-alone.log 2>&1 &
trireme train script.ini --run.name=script-alone --program.params="lr = 1e-2, steps = 400, delay = 0" >script-alone.log 2>&1 &

step "3. A Slurm cluster of four nodes, and both trainings in jobs, ours in one of a minute"
trireme devcluster up --nodes 4 --grace 20 --dir slurm | head -1
trap 'kill $(jobs -p) 2>/dev/null; trireme devcluster down --dir "$root/chaos/slurm" >/dev/null 2>&1 || true' EXIT
on_cluster trireme submit ours.ini | sed -n 's/^job  */  job /p'
on_cluster trireme submit script.ini | sed -n 's/^job  */  job /p'

wait_for ours 60 1
wait_for script 40 1
step "4. A job of higher priority takes their nodes: both save at the notice and come back"
for run in ours script; do
  job=$(job_of "$run")
  [ -z "$job" ] || trireme devcluster preempt --dir slurm "$job" --seconds 2 | sed 's/^/  /'
done

wait_for script 100 2
step "5. The power of a node is cut: its training goes on with half of the ranks"
kill_a_node script

step "6. The time limit of a minute stops the other one; its job comes back, and loses a node too"
wait_for ours 1 3
sleep 3
kill_a_node ours

step "7. Until both are done"
waited=0
until ended ours && ended script; do
  sleep 1
  waited=$((waited + 1))
  [ "$waited" -lt 600 ] || fail "not done after ten minutes: see chaos/runs/*/logs"
done

step "8. What became of them"
wait
for run in ours-alone script-alone; do ended "$run" || fail "see chaos/$run.log"; done
on_cluster trireme status runs/ours runs/script
for run in ours script; do
  printf '\n%s: steps done, saved and lost by each attempt\n' "$run"
  python3 - "runs/$run/attempts.jsonl" <<'PY'
import json, sys
starts = {}
for line in map(json.loads, open(sys.argv[1])):
    if line["event"] == "start":
        starts[line["attempt"]] = line
    else:
        start = starts[line["attempt"]]
        lost = max(0, line["last_step"] - line["saved_step"])
        print(f'  {line["attempt"]}  on {len(start["hosts"])} node(s), steps {start["first_step"]:3} to {line["last_step"]:3}, '
              f'{lost} lost: {line["reason"]}')
PY
  printf '  loss %s, undisturbed %s\n' "$(last_loss "$run")" "$(last_loss "$run-alone")"
done
printf '\nDone in %d s. Everything lies in chaos/\n' "$((SECONDS - started))"
