"""How long a run waits for Trireme in a queue: start, stop, restart, status, and a devcluster. Seconds, on CPUs, on a
Slurm of the machine's own.

slurm.py [--rounds N]: medians and bests, beside what is asked. Skipped (77), with the reason, where no devcluster runs.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "slurm"))

import cluster as clusters  # noqa: E402
import training_test as training  # noqa: E402
from cluster import TRIREME, Cluster  # noqa: E402


def report(what, seconds, asked):
    """`asked`: seconds, or one figure for each round."""
    limits = asked if isinstance(asked, list) else [asked] * len(seconds)
    median, limit = statistics.median(seconds), statistics.median(limits)
    print(f"{what}: median {median:.2f} s, best {min(seconds):.2f} s (asked <= {limit:.2f} s: "
          f"{'met' if median <= limit else 'MISSED'}); {len(seconds)} rounds, load {os.getloadavg()[0]:.1f}", flush=True)


def cluster_up(folder, rounds):
    seconds = []
    for i in range(rounds):
        start = time.monotonic()
        with Cluster("--nodes", "4"):
            seconds.append(time.monotonic() - start)
    report("devcluster of 4 nodes up", seconds, 5)


START = """#!/bin/bash
now() {{ date +%s.%N; }}
for round in $(seq {rounds}); do
  a=$(now); mpirun -n 4 --bind-to none hostname > /dev/null; b=$(now)
  {trireme} job next {file} --dir {folder}/start.$round --ranks-per-node 2 > /dev/null
  mpirun -n 4 --bind-to none {trireme} train {file} --run.dir={folder}/start.$round --train.steps=2 > /dev/null
  echo "times $a $b $(grep -m 1 -o '"time":[0-9.]*' {folder}/start.$round/metrics.jsonl)"
done
"""


def start(cluster, folder, rounds):
    """Of the decision that the batch script asks for and the training together, against mpirun hostname."""
    run = training.Run(cluster, folder, "start")
    script, log = f"{folder}/start.sbatch", f"{folder}/start.log"
    with open(script, "w") as file:
        file.write(START.format(rounds=rounds + 1, trireme=TRIREME, file=run.file, folder=folder))
    job = cluster.sbatch("--nodes=2", "--ntasks-per-node=2", f"--output={log}", script)
    state = cluster.wait_state(job, ("COMPLETED", "FAILED"), 60 + 30 * rounds)
    times = re.findall(r'times (\S+) (\S+) "time":(\S+)', open(log).read())[1:]  # the first warms the file cache
    assert state == "COMPLETED" and len(times) == rounds, open(log).read()
    report("job start to the first step, 4 ranks, over mpirun hostname",
           [(float(step) - float(b)) - (float(b) - float(a)) for a, b, step in times], 3)


def stop(cluster, folder, rounds):
    """From scancel --signal to the moment when the new checkpoint is the run's newest."""
    run = training.Run(cluster, folder, "stop")
    job = run.submit()
    seconds, asked = [], []
    for i in range(1, rounds + 1):
        cluster.wait(lambda: len(run.attempts()) == i, 90, f"attempt {i}")
        run.wait_step(run.attempts()[-1]["first_step"] + 30)
        notice = time.time()
        cluster.run("scancel", "--signal=USR1", "--batch", job)
        cluster.wait(lambda: len(run.ends()) == i, 60, f"the end of attempt {i}")
        seconds.append(os.stat(f"{run.directory}/checkpoints/LATEST").st_mtime - notice)
        end = run.ends()[-1]
        assert end["last_step"] == end["saved_step"], end
        asked.append(end["step_seconds"] + end["save_seconds"] + 1)
    cluster.run("scancel", job)
    report("stop signal to a committed checkpoint (asked: a step, a save and 1 s)", seconds, asked)


def restart(cluster, folder, rounds):
    """From a rank's SIGKILL to the first step that the next attempt logs, in the same allocation."""
    run = training.Run(cluster, folder, "restart")
    job = run.submit()
    seconds = []
    for i in range(1, rounds + 1):
        cluster.wait(lambda: len(run.attempts()) == i, 60, f"attempt {i}")
        run.wait_step(run.attempts()[-1]["first_step"] + 30)
        killed = time.time()
        os.kill(run.rank_pids()[-1], signal.SIGKILL)
        cluster.wait(lambda: len(run.attempts()) > i and run.step() > run.attempts()[i]["first_step"], 60, "a new step")
        first = run.attempts()[i]["first_step"] + 1
        seconds.append([line for line in run.lines("metrics.jsonl") if line.get("step") == first][0]["time"] - killed)
    assert cluster.job(job).get("Restarts", "0") == "0", cluster.job(job)
    cluster.run("scancel", job)
    report("a rank's crash to the first new step, inside the allocation", seconds, 10)


def status(folder, rounds):
    """Of 50 runs as the reference left one, on a machine without Slurm."""
    runs = [f"{folder}/fifty/runs/r{i}" for i in range(50)]
    for run in runs:
        shutil.copytree(f"{folder}/runs/reference", run)
    programs = f"{folder}/programs"
    os.mkdir(programs)  # a PATH with no squeue in it
    seconds = []
    for i in range(rounds + 1):
        begin = time.monotonic()
        done = subprocess.run([TRIREME, "status"], cwd=f"{folder}/fifty", env=dict(os.environ, PATH=programs), check=True,
                              capture_output=True, text=True)
        seconds.append(time.monotonic() - begin)
        assert all(f"r{i}" in done.stdout for i in range(50)), done.stdout + done.stderr
    report("status of 50 runs without Slurm", seconds[1:], 0.3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    clusters.skip_unless_possible("mpirun", "srun")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        training.prepare(folder)
        status(folder, rounds)
        cluster_up(folder, rounds)
        with Cluster("--nodes", "2") as cluster:
            start(cluster, folder, rounds)
            stop(cluster, folder, rounds)
            restart(cluster, folder, rounds)


if __name__ == "__main__":
    sys.exit(main())
