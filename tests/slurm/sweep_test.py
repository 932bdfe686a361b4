"""Sweeps under a real Slurm: job arrays whose tasks take trials one after the other, while trials, tasks and nodes are
killed, preempted and end by their time limit; trials that need another kind of job; Trireme's own training.

    sweep_test.py [CASE …]        only the named cases
    TRIALS=200 sweep_test.py kills
"""

import concurrent.futures
import json
import os
import random
import sys
import tempfile
import time

import cluster as clusters
from cluster import PATIENCE, TRIREME, Cluster

SOURCE = os.environ["TRIREME_SOURCE"]
sys.path.insert(0, f"{SOURCE}/tests/system")
from support import Workspace, make_data, run_file, step_lines, tiny_model, without_timing  # noqa: E402
from sweep_replay import RUNGS, STEPS, check_end, read_log  # noqa: E402

SEED = int(os.environ.get("TRIREME_SEED", time.time_ns() % 1_000_000))
TRIALS = int(os.environ.get("TRIALS", "18"))
TRIAL = f"exec {sys.executable} -S -E {SOURCE}/tests/system/sweep_trial.py"
SLURM = {"nodes": 1, "ranks_per_node": 1, "cpus_per_task": 1, "time": 10, "mem": "100M", "queue_seconds": 10}


class Sweep:
    """One sweep: its file, its directory, its jobs."""

    def __init__(self, cluster, folder, name, sweep, seconds=0.01, slurm=None, **sections):
        self.cluster, self.folder, self.name = cluster, folder, name
        self.directory = f"{folder}/sweeps/{name}"
        sections = sections or {"program": {"command": f"{TRIAL} {{x}} {STEPS} {seconds}", "stop_seconds": 5}}
        with open(f"{folder}/{name}.ini", "w", encoding="utf-8") as file:
            file.write(run_file(name, **sections, slurm={**SLURM, **(slurm or {})}, sweep=sweep))

    def run(self, *words, check=True):
        return self.cluster.run(TRIREME, "sweep", "run", f"{self.name}.ini", f"--site={self.folder}/site.ini", *words,
                                cwd=self.folder, check=check)

    def trireme(self, *words):
        return self.cluster.run(TRIREME, "sweep", *words, cwd=self.folder).stdout

    def trials(self):
        return json.loads(self.trireme("status", self.directory, "--json"))["trials"]

    def queue(self):
        """(job, state) of its jobs, waiting array tasks one by one."""
        lines = self.cluster.run("squeue", "--noheader", "--array", "--format=%i %T %j").stdout.splitlines()
        jobs = [line.split() for line in lines]
        return {job: state for job, state, name in jobs if name.split(".")[0] == f"sweep-{self.name}"}

    def log(self):
        names = sorted(name for name in os.listdir(f"{self.directory}/logs") if name.startswith("job."))
        return "".join(f"== {name}\n" + open(f"{self.directory}/logs/{name}", errors="replace").read() for name in names)

    def events(self, kind):
        return [event for event in read_log(self.directory) if event["event"] == kind]

    def wait(self, condition, what, seconds=60):
        self.cluster.wait(condition, seconds, lambda: f"{self.name}: {what}\n{self.log()[-6000:]}")

    def is_over(self):
        last = [event for event in self.events("result") if event["rung"] == len(RUNGS) - 1]
        return bool(last) and not self.queue()

    def steps(self, trial):
        path = f"{self.directory}/trial_{trial}/metrics.jsonl"
        if not os.path.exists(path):
            return []
        lines = [json.loads(line) for line in open(path, encoding="utf-8") if line.endswith("\n")]
        # A program that goes on says once more what it had saved.
        return list(dict.fromkeys(line["step"] for line in lines if "score" in line))

    def attempts(self, trial, event):
        with open(f"{self.directory}/trial_{trial}/attempts.jsonl", encoding="utf-8") as file:
            return [line for line in map(json.loads, file) if line["event"] == event]


def asha(**more):
    return {"steps": STEPS, "min_steps": RUNGS[0], "metric": "score", **more}


class Killer:
    """Processes of a sweep's jobs on the nodes, which are all on this machine."""

    KINDS = {"trial": ("job\0start",), "program": ("sweep_trial.py",), "task": ("slurm_script",)}

    def __init__(self, sweep, rng):
        self.sweep, self.rng, self.kills = sweep, rng, {}

    def processes(self, kind):
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace")
                if os.readlink(f"/proc/{entry}/cwd") != os.path.realpath(self.sweep.folder):
                    continue
                with open(f"/proc/{entry}/environ", "rb") as file:
                    own = f"SLURM_JOB_NAME=sweep-{self.sweep.name}".encode() in file.read()
            except OSError:
                continue  # it ended while we looked
            if own and all(word in words for word in self.KINDS[kind]):
                found.append(int(entry))
        return found

    def lease_holder(self):
        """Who holds the sweep's lease, for milliseconds: nobody, or a task's `trireme job trial`."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                with open(f"{self.sweep.directory}/lease", encoding="utf-8") as file:
                    holder = json.load(file)["process"]
                with open(f"/proc/{holder}/cmdline", "rb") as file:
                    return [holder] if b"job\0trial" in file.read() else []
            except (OSError, ValueError, KeyError):
                pass
        return []

    def strike(self, kind):
        victims = self.lease_holder() if kind == "holder" else self.processes(kind)
        if not victims:
            return
        try:
            os.kill(self.rng.choice(victims), 9)
            self.kills[kind] = self.kills.get(kind, 0) + 1
        except ProcessLookupError:
            pass


def kills(cluster, folder):
    """SIGKILLs at random of programs, their supervisors and array tasks, a preemption and a node's death."""
    rng = random.Random(SEED)
    sweep = Sweep(cluster, folder, "kills", asha(x="uniform 0.0 1.0", method="random", trials=TRIALS),
                  slurm={"extra": "--exclusive"})  # a node each
    sweep.run("--max-running", 3)
    killer = Killer(sweep, rng)
    preempted = node = None
    last_call = time.monotonic()
    deadline = time.monotonic() + max(120, 4 * TRIALS) * PATIENCE
    done = False
    while not done:
        assert time.monotonic() < deadline, ("the sweep does not end", sweep.queue(), sweep.log()[-6000:])
        claims, struck = len(sweep.events("claim")), sum(killer.kills.values())
        if struck * 4 < claims:
            few_holders = killer.kills.get("holder", 0) * 12 < claims  # each costs the pause before its script asks again
            killer.strike(rng.choice(["trial", "program"] + ["holder"] * few_holders + ["task"] * (claims > TRIALS // 3)))
        running = [job for job, state in sweep.queue().items() if state == "RUNNING"]
        if not preempted and claims > TRIALS // 4 and running:
            preempted = running[0]
            cluster.devcluster("preempt", preempted, "--seconds", 1)
        elif not node and claims > TRIALS // 2 and running:
            node = cluster.hosts(running[-1])[0]
            cluster.devcluster("kill-node", node)
        # A task that was killed does not come back; whoever calls again gets a new one.
        if len(sweep.queue()) < 2 and time.monotonic() - last_call > 3:
            done = "is done" in sweep.run("--max-running", 3).stdout
            last_call = time.monotonic()
        time.sleep(rng.uniform(0.1, 0.4))
    if node:
        cluster.devcluster("start-node", node)
    sweep.wait(lambda: not sweep.queue(), "the end of the jobs")
    measured = check_end(sweep.directory, TRIALS)
    assert preempted and node and sum(killer.kills.values()) >= TRIALS // 8, (preempted, node, killer.kills)
    reasons = {end["reason"].split(":")[0] for trial in range(TRIALS) for end in sweep.attempts(trial, "end")}
    return f"killed {killer.kills}, preempted {preempted}, node {node}; measured {measured}; ends {sorted(reasons)}"


def time_limit(cluster, folder):
    """The task stops its trial before its time is over, comes back and goes on with it. One that has too little time left
    for another trial comes back first."""
    late = Sweep(cluster, folder, "late", {"s": "2.6, 0.1", "steps": STEPS, "metric": "score", "early_stopping": "none"},
                 program={"command": f"{TRIAL} 0.5 {STEPS} {{s}}", "stop_seconds": 5}, slurm={"time": 1})
    late.run("--max-running", 1)
    sweep = Sweep(cluster, folder, "limit",
                  {"s": "0.1, 5.5, 0.2", "steps": STEPS, "metric": "score", "early_stopping": "none"},
                  program={"command": f"{TRIAL} 0.5 {STEPS} {{s}}", "stop_seconds": 5}, slurm={"time": 1})
    sweep.run("--max-running", 1)
    sweep.wait(lambda: len(sweep.events("result")) == 3 and not sweep.queue(), "the end of the sweep", 120)
    late.wait(lambda: len(late.events("result")) == 2 and not late.queue(), "the end of the sweep", 60)
    assert [claim["worker"]["restart"] for claim in late.events("claim")] == [0, 1], late.log()
    for trial in range(3):
        assert sweep.steps(trial) == list(range(1, STEPS + 1)), sweep.steps(trial)
    ends = sweep.attempts(1, "end")
    assert ends[0]["reason"].startswith("stopped before the time limit") and ends[0]["saved_step"] == ends[0]["last_step"], ends
    assert sweep.attempts(1, "start")[1]["restart_count"] == 1, sweep.attempts(1, "start")
    assert not [event for event in sweep.events("released") if event["failed"]], sweep.events("released")
    return f"stopped at step {ends[0]['last_step']} of {STEPS}, {len(sweep.events('claim'))} claims"


def shapes(cluster, folder):
    """Trials on two nodes are jobs of their own. A job without work waits in the queue, held, and is released by the task
    whose result makes work for it."""
    sweep = Sweep(cluster, folder, "shapes", asha(x="0.1, 0.25, 0.6, 0.9", **{"slurm.nodes": "1, 2"}))
    refused = sweep.run("--max-running", 1, check=False)
    assert refused.returncode == 2 and "--max-running 2" in refused.stderr, refused.stderr
    planned = sweep.run("--max-running", 3, "--dry-run").stdout
    for text in ("billing units", "#SBATCH --nodes=1\n", "#SBATCH --nodes=2\n", "#SBATCH --array=0-1%2\n", "--shape 1 --parks"):
        assert text in planned, (text, planned)
    assert not os.path.exists(sweep.directory), "a dry run made something"
    sweep.run("--max-running", 3)
    sweep.wait(sweep.is_over, "the end of the sweep", 120)
    measured = check_end(sweep.directory, 8)
    for claim in sweep.events("claim"):
        nodes = int(cluster.job(claim["worker"]["job"])["NumNodes"])
        assert nodes == claim["trial"] % 2 + 1, (claim, nodes)
    ends = {end["reason"].split(" at ")[0] for trial in range(8) for end in sweep.attempts(trial, "end")}
    assert ends == {"paused", "done"}, ends  # none took the job with it
    parked = sweep.events("parked")
    assert parked, sweep.log()[-6000:]
    again = sweep.run().stdout
    assert "is done" in again and not sweep.queue(), again
    return f"measured {measured}, parked {len(parked)} times, {len(sweep.events('unparked'))} of them released"


def stop(cluster, folder):
    """Saves what runs, cancels what waits; a second call goes on."""
    sweep = Sweep(cluster, folder, "stop", {"x": "0.1, 0.2, 0.3", "steps": STEPS, "metric": "score", "early_stopping": "none"},
                  seconds=0.5)
    chained = sweep.run("--max-running", 2, "--slurm.extra=--no-requeue", "--dry-run").stdout
    assert "#SBATCH --array=0-2%2\n" in chained and "#SBATCH --no-requeue\n" in chained, chained
    sweep.run("--max-running", 2)
    sweep.wait(lambda: sweep.steps(0)[-1:] >= [2] and sweep.steps(1)[-1:] >= [2], "two steps")
    status = json.loads(sweep.trireme("status", sweep.directory, "--json"))
    sweep.trireme("stop", sweep.directory)
    sweep.wait(lambda: not sweep.queue(), "the end of the jobs")
    assert all(sweep.attempts(trial, "end")[0]["saved_step"] > 0 for trial in (0, 1)), sweep.log()
    assert not os.path.exists(f"{sweep.directory}/trial_2/attempts.jsonl")
    states = [trial["state"] for trial in sweep.trials()]
    assert states == ["waiting", "waiting", "new"], states
    sweep.run("--max-running", 3)
    sweep.wait(lambda: len(sweep.events("result")) == 3 and not sweep.queue(), "the end of the sweep")
    assert all(sweep.steps(trial) == list(range(1, STEPS + 1)) for trial in range(3))
    assert not [event for event in sweep.events("released") if event["failed"]], sweep.events("released")
    return f"states {states}, {len(status['jobs'])} jobs shown"


def killed_often(cluster, folder):
    """A trial whose first starts are killed goes on, with the same task: earlier claims' starts do not count as this one's."""
    fragile = (f"n=$(cat $TRIREME_RUN_DIR/n || echo 0); echo $((n + 1)) >$TRIREME_RUN_DIR/n; [ $n -ge 4 ] || kill -9 $$; "
               f"{TRIAL} {{x}} {STEPS} 0.01")
    sweep = Sweep(cluster, folder, "fragile", {"x": "0.1", "steps": STEPS, "metric": "score", "early_stopping": "none"},
                  program={"command": fragile, "stop_seconds": 5})
    sweep.run()
    sweep.wait(lambda: not sweep.queue(), "the end of the job", 60)
    released = [event["starts"] for event in sweep.events("released")]
    assert released == [3] and len(sweep.events("result")) == 1, sweep.log()
    assert sweep.trials()[0]["state"] == "done" and len(sweep.attempts(0, "start")) == 5, sweep.trials()
    return f"done at start {len(sweep.attempts(0, 'start'))}"


def training(cluster, folder):
    """Trireme's own training, two ranks a trial: a promoted trial is what it would have been without the pauses."""
    space = Workspace()
    space.path = folder
    make_data(space)
    sweep = Sweep(cluster, folder, "model", {"optimizer.lr": "1e-3, 1e-2", "min_steps": 2, "reduction": 2},
                  slurm={"ranks_per_node": 2, "mem": "2G"}, model=tiny_model(layers=2),
                  data={"train": "data.h5", "valid": "data.valid.h5"},
                  train={"steps": 8, "global_batch": 8, "micro_batch": 4}, log={"valid_samples": 8})
    sweep.run("--max-running", 2)
    sweep.wait(lambda: any(trial["state"] == "done" for trial in sweep.trials()) and not sweep.queue(), "the end", 120)
    best = json.loads(sweep.trireme("best", sweep.directory, "--json"))["best"][0]
    assert len(sweep.attempts(best["trial"], "start")) == 3 and best["step"] == 8, best
    run = best["run_directory"]
    space.must("train", f"{run}/trial.ini", "--run.dir=whole", ranks=2)
    assert list(map(without_timing, step_lines(run))) == list(map(without_timing, step_lines(space / "whole")))
    return f"trial {best['trial']} is best: {best['results'][-1]}"


CASES = [kills, time_limit, shapes, stop, killed_often, training]


def carry_out(case, cluster, folder):
    start = time.monotonic()
    try:
        said = case(cluster, folder)
    except (Exception, SystemExit) as error:  # every case is reported
        said = f"FAILED: {type(error).__name__}: {error}"
    print(f"{case.__name__}: {said} ({time.monotonic() - start:.0f} s)", flush=True)
    return not said.startswith("FAILED")


def main():
    clusters.skip_unless_possible()
    print(f"seed {SEED}", flush=True)
    cases = [case for case in CASES if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="trireme-sweep-test.", dir=clusters.VAR_TMP,
                                     ignore_cleanup_errors=True) as folder:
        with Cluster("--nodes", "12", "--grace", "10") as cluster, concurrent.futures.ThreadPoolExecutor(4) as pool:
            # What is asked of the queue for other workers is asked often here.
            cluster.run(TRIREME, "doctor", "--site-out", f"{folder}/site.ini")
            text = open(f"{folder}/site.ini", encoding="utf-8").read()
            with open(f"{folder}/site.ini", "w", encoding="utf-8") as file:
                file.write(text.replace("queue_seconds = 60", "queue_seconds = 10"))
            good = list(pool.map(lambda case: carry_out(case, cluster, folder), cases))
    sys.exit(0 if all(good) else 1)


main()
