"""Training under a real Slurm, as users meet it: submitted, preempted, killed, requeued, and always the same end.

    training_test.py [CASE …]     only the named cases
    training_test.py --matrix     every way to be preempted instead: mode x grace x signal x launcher
"""

import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import cluster as clusters
from cluster import TRIREME, Cluster

STEPS = 400
FAULTS = os.path.join(os.environ["TRIREME_BUILD"], "tests", "faults.so")
RUN = """
[run]
name = {name}
dir = {folder}/runs/{name}
[model]
arch = llama
layers = 2
hidden = 32
heads = 2
sequence = 32
[data]
train = {folder}/data.h5
[parallel]
tp = {tp}
pp = {pp}
[train]
steps = {steps}
global_batch = {global_batch}
micro_batch = 2
precision = fp64
[checkpoint]
every_steps = 25
every_minutes = 0
[slurm]
nodes = {nodes}
min_nodes = {min_nodes}
ranks_per_node = {ranks_per_node}
cpus_per_task = 1
time = {time}
launcher = {launcher}
extra = {extra}
"""


class Run:
    """One run: its file, its directory, its jobs."""

    def __init__(self, cluster, folder, name, tp=2, pp=1, nodes=2, ranks_per_node=2, launcher="mpirun", time=10,
                 steps=STEPS, extra="--exclusive", min_nodes=0,
                 global_batch=8):
        self.cluster, self.name = cluster, name
        self.file = f"{folder}/{name}.ini"
        self.directory = f"{folder}/runs/{name}"
        self.slow = f"{folder}/{name}.slow"
        with open(self.file, "w") as file:
            file.write(RUN.format(**{key: value for key, value in locals().items() if key != "file"}))

    @contextlib.contextmanager
    def slow_saves(self, seconds):
        """Each of the three fsyncs of a save that this run begins meanwhile takes `seconds` longer."""
        with open(self.slow, "w") as file:
            file.write(str(seconds))
        try:
            yield
        finally:
            os.remove(self.slow)

    def site(self, prefix=None):
        """Words for submit: a site file with this before trireme on the ranks; by default what slow_saves needs."""
        file = f"{self.file}.site"
        self.cluster.run(TRIREME, "doctor", "--site-out", file)
        with open(file) as text:
            facts = text.read()
        prefix = prefix or f"env LD_PRELOAD={FAULTS} SLOW_SAVES={self.slow}"
        with open(file, "w") as text:
            facts = re.sub("^submit_from_nodes =.*", "submit_from_nodes = yes", facts, flags=re.MULTILINE)
            text.write(re.sub("^container =.*", f"container = {prefix}", facts, flags=re.MULTILINE))
        return ["--site", file]

    def partials(self):
        return glob.glob(f"{self.directory}/checkpoints/.step_*.partial")

    def wait_save_under_way(self):
        """A save that has begun, with some older checkpoint committed; the older one's step."""
        self.cluster.wait(self.partials, 60, lambda: f"{self.name} saving, is at {self.step()}:\n{self.log()[-3000:]}")
        return max(int(name.rsplit("_", 1)[1]) for name in glob.glob(f"{self.directory}/checkpoints/step_*"))

    def submit(self, *words):
        """The first job's id; .output is what submit said."""
        done = self.cluster.run(TRIREME, "submit", self.file, *words)
        self.output = done.stdout + done.stderr
        self.jobs = re.findall(r"job +(\d+)", self.output)
        return self.jobs[0]

    def lines(self, name):
        try:
            with open(f"{self.directory}/{name}") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def step(self):
        return max((line["step"] for line in self.lines("metrics.jsonl")), default=0)

    def attempts(self):
        return [line for line in self.lines("attempts.jsonl") if line["event"] == "start"]

    def ends(self):
        return [line for line in self.lines("attempts.jsonl") if line["event"] == "end"]

    def log(self):
        return "".join(open(name, errors="replace").read() for name in sorted(glob.glob(f"{self.directory}/logs/job.*")))

    def wait_step(self, step, seconds=60):
        self.cluster.wait(lambda: self.step() >= step, seconds, lambda: f"{self.name} at step {step}, is at {self.step()}:\n{self.log()[-3000:]}")

    def wait_done(self, seconds=240):
        self.cluster.wait(lambda: any(end["reason"] == "done" for end in self.ends()), seconds,
                          lambda: f"{self.name} done, is at {self.step()} of {STEPS}: {self.ends()}\n{self.log()[-3000:]}")

    def final_loss(self):
        return [line["loss"] for line in self.lines("metrics.jsonl") if "loss" in line][-1]

    def rank_pids(self):
        """Of this run's ranks, in their order, wherever they are: all nodes are on this machine."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{entry}/cmdline", "rb").read().decode(errors="replace")
            except OSError:
                continue
            if "trireme-run" not in words.split("\0")[0] or self.directory not in words:
                continue
            variables = open(f"/proc/{entry}/environ", "rb").read().decode(errors="replace")
            rank = re.search("(?:OMPI_COMM_WORLD_RANK|PMIX_RANK)=(\\d+)", variables)
            found.append((int(rank.group(1)), int(entry)))
        return [pid for _, pid in sorted(found)]


def same_end(run, reference):
    """The undisturbed run's last loss and metrics without a gap or a repeat."""
    steps = [line["step"] for line in run.lines("metrics.jsonl") if "loss" in line]
    assert steps == list(range(1, STEPS + 1)), (run.name, len(steps), steps[-1])
    difference = abs(run.final_loss() / reference - 1)
    assert difference < 1e-9, (run.name, run.final_loss(), reference)
    return f"loss {run.final_loss():.6f}, off by {difference:.0e}"


def plain(cluster, folder, reference):
    run = Run(cluster, folder, "plain", nodes=2)
    job = run.submit()
    run.wait_done()
    assert cluster.wait_state(job, ("COMPLETED", "FAILED")) == "COMPLETED"
    return same_end(run, reference)


def plain_srun(cluster, folder, reference):
    run = Run(cluster, folder, "plain-srun", tp=2, pp=2, nodes=4, ranks_per_node=1, launcher="srun")
    run.submit()
    run.wait_done()
    assert run.attempts()[0]["hosts"].__len__() == 4, run.attempts()
    return same_end(run, reference)


def preempted(cluster, folder, reference, launcher="mpirun"):
    """A grace of 20 s: saved at the notice, requeued by the script, nothing lost."""
    run = Run(cluster, folder, f"preempted-{launcher}", launcher=launcher)
    job = run.submit()
    run.wait_step(60)
    notice = time.time()
    cluster.devcluster("preempt", job, "--seconds", 2)
    run.wait_done()
    first = run.ends()[0]
    assert first["reason"] == "stopped by SIGTERM", first
    assert first["last_step"] == first["saved_step"], first
    assert "requeued" in run.attempts()[1]["reason"], run.attempts()
    assert cluster.job(job)["Restarts"] == "1"
    return f"{same_end(run, reference)}; saved {first['time'] - notice:.1f} s after the request to preempt"


def preempted_srun(cluster, folder, reference):
    return preempted(cluster, folder, reference, "srun")


def rank_killed(cluster, folder, reference, launcher="mpirun"):
    run = Run(cluster, folder, f"rank-killed-{launcher}", launcher=launcher)
    job = run.submit()
    run.wait_step(60)
    killed = time.time()
    os.kill(run.rank_pids()[-1], signal.SIGKILL)
    cluster.wait(lambda: len(run.attempts()) == 2, 30, "the second attempt")
    resumed = run.attempts()[1]["first_step"]
    cluster.wait(lambda: len(run.attempts()) == 2 and run.step() > resumed, 30, "a new step")
    again = [line for line in run.lines("metrics.jsonl") if line.get("step") == resumed + 1][0]["time"] - killed
    run.wait_done()
    assert cluster.job(job).get("Restarts", "0") == "0"
    assert "restarted" in run.attempts()[1]["reason"], run.attempts()
    return f"{same_end(run, reference)}; first new step {again:.1f} s after the kill"


def rank_killed_srun(cluster, folder, reference):
    return rank_killed(cluster, folder, reference, "srun")


def node_killed(cluster, folder, reference):
    """The job goes on, on the node that is left, in a smaller layout."""
    run = Run(cluster, folder, "node-killed")
    job = run.submit()
    run.wait_step(60)
    nodes = cluster.hosts(job)
    batch = cluster.job(job)["BatchHost"]
    victim = [node for node in nodes if node != batch][0]
    cluster.devcluster("kill-node", victim)
    run.wait_done()
    cluster.devcluster("start-node", victim)
    assert cluster.job(job).get("Restarts", "0") == "0", cluster.job(job)
    assert run.attempts()[-1]["hosts"] == [batch], run.attempts()
    return same_end(run, reference)


def rank_killed_in_save(cluster, folder, reference):
    """Rank 0, which commits: the save that was under way is collected, the one before it is where it goes on."""
    run = Run(cluster, folder, "rank-killed-in-save")
    job = run.submit(*run.site())
    run.wait_step(60)
    with run.slow_saves(1):
        committed = run.wait_save_under_way()
        os.kill(run.rank_pids()[0], signal.SIGKILL)
        left = run.partials()
        cluster.wait(lambda: len(run.attempts()) == 2, 60, "the second attempt")
    run.wait_done()
    return after_broken_save(cluster, run, job, committed, left, reference)


def node_killed_in_save(cluster, folder, reference):
    run = Run(cluster, folder, "node-killed-in-save")
    job = run.submit(*run.site())
    run.wait_step(60)
    batch = cluster.job(job)["BatchHost"]
    victim = [node for node in cluster.hosts(job) if node != batch][0]
    with run.slow_saves(1):
        committed = run.wait_save_under_way()
        cluster.devcluster("kill-node", victim)
        left = run.partials()
        cluster.wait(lambda: len(run.attempts()) == 2, 90, "the second attempt")
    run.wait_done()
    cluster.devcluster("start-node", victim)
    assert run.attempts()[-1]["hosts"] == [batch], run.attempts()
    return after_broken_save(cluster, run, job, committed, left, reference)


def after_broken_save(cluster, run, job, committed, left, reference):
    assert len(left) == 1 and not run.partials(), (left, run.partials())
    assert committed >= 50 and run.attempts()[1]["first_step"] == committed, (committed, run.attempts())
    assert cluster.job(job).get("Restarts", "0") == "0", cluster.job(job)
    broken = re.search(r"step_(\d+)", left[0]).group(1)
    return f"{same_end(run, reference)}; killed while it saved step {broken}, resumed from {committed}"


def node_killed_at_start(cluster, folder, reference):
    """A node dies before the ranks are wired: the script notices and goes on without it."""
    run = Run(cluster, folder, "node-killed-at-start")
    job = run.submit()
    cluster.wait_state(job, "RUNNING")
    nodes = cluster.hosts(job)
    victim = [node for node in nodes if node != cluster.job(job)["BatchHost"]][0]
    cluster.devcluster("kill-node", victim)
    run.wait_done()
    cluster.devcluster("start-node", victim)
    return f"{same_end(run, reference)}; {run.attempts()[-1]['layout']}"


def bad_node(cluster, folder, reference):
    """A node on which every attempt fails, and no layout without it: a new job that is not to get it."""
    run = Run(cluster, folder, "bad-node", tp=2, pp=2)
    first = run.submit(*run.site(f"env LD_PRELOAD={FAULTS} BROKEN_READS=n2"))
    run.wait_done()
    second = run.attempts()[-1]["job"]
    assert second != first and [one["job"] for one in run.attempts()] == [first, first, second], run.attempts()
    assert all(end["reason"].startswith("failed on n2: ") for end in run.ends()[:-1]), run.ends()
    assert cluster.job(first)["ExitCode"] == "1:0", cluster.job(first)
    assert cluster.job(second)["ExcNodeList"] == "n2" and run.attempts()[-1]["restart_count"] == 0, cluster.job(second)
    return f"{same_end(run, reference)}; job {second} on {' and '.join(run.attempts()[-1]['hosts'])}"


def soonest(cluster, folder, reference):
    """Three of four nodes are taken for an hour: with one node the run would be done first, and starts there."""
    taken = cluster.sbatch("--nodes=3", "--exclusive", "--time=60", "--output=/dev/null", "--wrap=sleep 3000")
    cluster.wait_state(taken, "RUNNING")
    run = Run(cluster, folder, "soonest")
    asked = time.monotonic()
    run.submit("--soonest")
    asked = time.monotonic() - asked
    answers = re.findall(r"^ *(\d+)  +(\S.*?)  +(\S.*?)  +(\S.*)$", run.output, flags=re.MULTILINE)
    assert [nodes for nodes, *_ in answers] == ["1", "2", "4"], run.output
    assert "takes 1 nodes" in run.output and run.jobs, run.output
    assert 2 <= asked < 15, asked  # a second between two questions
    run.wait_step(10)
    assert len(run.attempts()[0]["hosts"]) == 1, run.attempts()
    cluster.run("scancel", taken, *run.jobs)
    return f"asked about {len(answers)} sizes in {asked:.1f} s"


def no_requeue(cluster, folder, reference):
    """A job without the right to come back: saved at the notice, ended with 75; submitted again it goes on."""
    run = Run(cluster, folder, "no-requeue", extra="--exclusive --no-requeue", launcher="auto")
    job = run.submit()
    assert "may not be requeued" in run.output, run.output
    run.wait_step(60)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    cluster.wait_state(job, ("FAILED", "COMPLETED"))
    assert cluster.job(job)["ExitCode"] == "75:0", cluster.job(job)
    run.submit()
    run.wait_done()
    return same_end(run, reference)


def link_cut(cluster, folder, reference):
    """Two nodes cannot reach each other any more: the hang is named, and ends in a new attempt."""
    run = Run(cluster, folder, "link-cut")
    job = run.submit("--train.step_timeout=8")
    run.wait_step(60)
    a, b = cluster.hosts(job)
    cut = time.time()
    cluster.devcluster("cut-link", a, b)
    cluster.wait(lambda: "missing" in run.log() or "no answer" in run.log(), 60, lambda: f"the hang named:\n{run.log()[-2000:]}")
    named = time.time() - cut
    cluster.devcluster("restore-link", a, b)
    run.wait_done()
    assert len(run.attempts()) > 1, run.attempts()
    return f"{same_end(run, reference)}; named {named:.0f} s after the cut"


def time_limit_chain(cluster, folder, reference):
    """Jobs of a minute: each saves before its limit, the next goes on, the rest of the chain ends at once."""
    run = Run(cluster, folder, "time-limit", time=1, global_batch=128)
    first = run.submit("--chain", 6)
    run.wait_done(320)
    jobs = [first, *re.findall(r"job (\d+), after", run.output)]
    reasons = [end["reason"] for end in run.ends()]
    assert all(reason == "stopped before the time limit" for reason in reasons[:-1]), reasons
    assert len(reasons) > 1 and reasons[-1] == "done", reasons
    assert all(end["last_step"] == end["saved_step"] for end in run.ends()), run.ends()
    for job in jobs:
        assert cluster.wait_state(job, ("COMPLETED", "FAILED", "TIMEOUT")) != "TIMEOUT", cluster.job(job)
    assert cluster.state(jobs[-1]) == "COMPLETED", cluster.job(jobs[-1])
    alone = Run(cluster, folder, "time-limit-alone", tp=1, global_batch=128)
    subprocess.run([TRIREME, "train", alone.file], check=True, capture_output=True)
    return f"{same_end(run, alone.final_loss())}; {len(run.attempts())} links trained"


def time_extended(cluster, folder, reference):
    """scontrol update TimeLimit in mid-job: the run goes on past the limit that it began with."""
    run = Run(cluster, folder, "time-extended", time=2, nodes=1)
    job = run.submit(*run.site())
    run.wait_step(20)
    cluster.run("scontrol", "update", f"JobId={job}", "TimeLimit=20")
    with run.slow_saves(2.6):  # else it would be done long before
        run.wait_done(320)
    (start,), (end,) = run.attempts(), run.ends()
    seconds = end["time"] - start["time"]
    assert seconds > 120, seconds
    assert run.log().count("the job's time limit was changed") == 1, run.log()[-2000:]
    return f"{same_end(run, reference)}; trained for {seconds:.0f} s in a job of 120 s"


def accounted(cluster, folder, reference):
    """With slurmdbd: the price in billing units and the account's share."""
    run = Run(cluster, folder, "accounted", nodes=1, launcher="auto")
    run.submit("--slurm.account=physics")
    price = re.search("price .*", run.output).group(0)
    assert "billing units an hour" in price and "account physics" in price, run.output
    run.wait_done()
    return f"{same_end(run, reference)}; {price}"


def requeued(cluster, folder, reference):
    """scontrol requeue, then scancel --signal, then a plain scancel and a new submission."""
    run = Run(cluster, folder, "requeued")
    job = run.submit()
    run.wait_step(50)
    cluster.run("scontrol", "requeue", job)
    cluster.wait(lambda: len(run.attempts()) == 2, 60, "the attempt after scontrol requeue")
    run.wait_step(run.attempts()[1]["first_step"] + 30)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    cluster.wait(lambda: len(run.attempts()) == 3, 60, "the attempt after scancel --signal")
    assert run.ends()[1]["reason"] == "stopped by SIGUSR1", run.ends()
    run.wait_step(run.attempts()[2]["first_step"] + 30)
    cluster.run("scancel", job)
    cluster.wait_state(job, "CANCELLED")
    run.submit()
    run.wait_done()
    return same_end(run, reference)


def array(cluster, folder, reference):
    runs = [Run(cluster, folder, f"array-{i}", nodes=1) for i in range(3)]
    done = cluster.run(TRIREME, "submit", *(run.file for run in runs))
    job = re.search(r"job +(\d+)", done.stdout).group(1)
    runs[1].wait_step(40, 90)
    cluster.devcluster("preempt", f"{job}_1", "--seconds", 2)
    for run in runs:
        run.wait_done()
    assert [len(run.attempts()) for run in runs] == [1, 2, 1], [run.attempts() for run in runs]
    return "; ".join(same_end(run, reference) for run in runs[:2])


def two_jobs(cluster, folder, reference):
    """The second job on a run directory does not write into it."""
    run = Run(cluster, folder, "two-jobs")
    run.submit()
    run.wait_step(20)
    second = run.submit()
    state = cluster.wait_state(second, ("FAILED", "COMPLETED"), 120)
    run.wait_done()
    assert "another job" in run.log() or state == "COMPLETED", run.log()[-2000:]
    return f"{same_end(run, reference)}; the second job: {state}"


def export_none(cluster, folder, reference):
    run = Run(cluster, folder, "export-none", extra="--exclusive --export=NONE", nodes=1)
    run.submit()
    run.wait_done()
    return same_end(run, reference)


def refused(cluster, folder, reference):
    """A wrong run file does not get into the queue."""
    run = Run(cluster, folder, "refused")
    for words, wanted in ((["--parallel.tp=3"], "heads"), (["--slurm.partition=lo"], "low"), (["--train.stepz=3"], "train.steps"),
                          (["--slurm.nodes=99"], "at most"), (["--data.train=none.h5"], "none.h5")):
        done = cluster.run(TRIREME, "submit", run.file, *words, check=False)
        assert done.returncode == 2 and wanted in done.stderr, (words, done.stderr)
    assert not os.path.exists(f"{run.directory}/submit.sbatch")
    return "5 refusals"


def readme_script(run, request, old="mpirun", new="mpirun"):
    """The file with README's own script for this run; `request` stands for its tasks and GPUs."""
    text = open(os.path.join(os.environ["TRIREME_SOURCE"], "README.md")).read()
    script = re.search(r"(    #!/bin/bash\n(    .*\n)+)", text).group(1)
    script = "".join(line[4:] for line in script.splitlines(True))
    assert "mpirun trireme train run.ini" in script and "--ntasks-per-node=8 --gpus-per-node=8" in script, script
    script = script.replace("--ntasks-per-node=8 --gpus-per-node=8", request).replace(old, new)
    script = script.replace("run.ini", run.file).replace("trireme train", f"{TRIREME} train").replace("24:00:00", "10")
    path = f"{run.file}.sbatch"
    with open(path, "w") as file:
        file.write(script)
    return path


def gpus_per_task(cluster, folder, reference):
    """A user's own script: mpirun's ranks would miss GPUs, so it is refused; srun's tasks have one each, and train."""
    run = Run(cluster, folder, "gpus-per-task")
    log = f"{folder}/gpus-per-task.log"
    request = "--ntasks-per-node=2 --gpus-per-task=1"
    job = cluster.sbatch(f"--output={log}", readme_script(run, request))
    assert cluster.wait_state(job, ("FAILED", "COMPLETED")) == "FAILED"
    said = open(log).read()
    assert said.count("--gpus-per-node=2") == 1 and not run.attempts(), said
    assert cluster.job(job)["ExitCode"] == "2:0", (cluster.job(job), said)
    job = cluster.sbatch(f"--output={log}", readme_script(run, request, "mpirun trireme", "srun --mpi=pmix trireme"))
    run.wait_step(10)
    cluster.run("scancel", job)
    return said.splitlines()[0]


def oversubscribed(cluster, folder, reference):
    """Two ranks on one CPU: one line of warning, and they train."""
    run = Run(cluster, folder, "oversubscribed", nodes=1)
    job = run.submit(*run.site(f"taskset --cpu-list {min(os.sched_getaffinity(0))}"))
    run.wait_step(10)
    cluster.run("scancel", job)
    warnings = [line for line in run.log().splitlines() if "take turns" in line]
    assert len(warnings) == 1, run.log()[:2000]
    return warnings[0]


def own_script(cluster, folder, reference):
    """README's own script, without submit."""
    run = Run(cluster, folder, "own-script")
    path = readme_script(run, "--ntasks-per-node=2 --exclusive")
    job = cluster.sbatch(f"--output={folder}/own.log", path)
    run.wait_step(40)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    cluster.wait(lambda: run.ends(), 30, "the end after USR1")
    cluster.wait_state(job, ("COMPLETED", "FAILED"))
    cluster.sbatch(f"--output={folder}/own.log", path)
    run.wait_done()
    return same_end(run, reference)


def half_the_nodes(cluster, folder, reference):
    """Requeued on one node of two: another layout by itself."""
    run = Run(cluster, folder, "half", extra="", min_nodes=1)
    job = run.submit()
    run.wait_step(60)
    assert len(run.attempts()[0]["hosts"]) == 2
    cluster.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test")
    try:
        cluster.run("scontrol", "requeue", job)
        run.wait_done()
    finally:
        cluster.run("scontrol", "update", "NodeName=n2", "State=RESUME")
    assert run.attempts()[1]["hosts"] == ["n1"] and run.attempts()[1]["layout"] != run.attempts()[0]["layout"]
    return f"{same_end(run, reference)}; {run.attempts()[0]['layout']} -> {run.attempts()[1]['layout']}"


def no_grace(cluster, folder, reference):
    """REQUEUE without notice: back at the last checkpoint."""
    run = Run(cluster, folder, "no-grace")
    job = run.submit()
    run.wait_step(60)
    cluster.devcluster("preempt", job, "--seconds", 2)
    run.wait_done()
    lost = run.ends()[0]["last_step"] - run.ends()[0]["saved_step"]
    assert 0 <= lost <= 25, run.ends()
    return f"{same_end(run, reference)}; {lost} steps done again"


def grace_too_short(cluster, folder, reference):
    """A save takes longer than grace and kill wait: killed while it saves; back at the checkpoint before."""
    run = Run(cluster, folder, "grace-too-short", launcher="srun")
    job = run.submit(*run.site())
    run.wait_step(60)
    with run.slow_saves(20):
        cluster.devcluster("preempt", job, "--seconds", 2)
        committed = run.wait_save_under_way()
        cluster.wait(lambda: run.rank_pids() == [], 30, "the kill at the end of the grace")
        assert run.partials(), run.log()[-2000:]
    run.wait_done()
    assert committed >= 50 and run.attempts()[1]["first_step"] == committed, (committed, run.attempts())
    assert len(run.attempts()) == 2 and not run.partials(), (run.attempts(), run.partials())
    assert cluster.job(job)["Restarts"] == "1", cluster.job(job)
    lost = run.ends()[0]["last_step"] - committed
    assert 0 <= lost <= 25, run.ends()
    return f"{same_end(run, reference)}; {lost} steps done again"


def cancelled_chain(cluster, folder, reference):
    """CANCEL without notice: only a chain comes back, and submit says so."""
    run = Run(cluster, folder, "chain")
    warned = cluster.run(TRIREME, "submit", run.file, "--dry-run").stderr
    assert "--chain" in warned, warned
    first = run.submit("--chain", 3)
    run.wait_step(60)
    cluster.devcluster("preempt", first, "--seconds", 2)
    run.wait_done()
    assert cluster.state(first) in ("PREEMPTED", "CANCELLED"), cluster.job(first)
    links = re.findall(r"job (\d+), after", run.output)
    assert len(links) == 2, run.output
    assert cluster.wait_state(links[1], ("COMPLETED", "FAILED")) == "COMPLETED"  # the run is done: it ends at once
    assert len(run.attempts()) == 2, run.attempts()
    return same_end(run, reference)


# Options of a cluster, how many cases at a time (the nodes share this machine's cores), and the cases. Five groups run at
# the same time, the longest first.
GROUPS = (
    (("--nodes", "12", "--grace", "20"), 3,
     (preempted, preempted_srun, node_killed, requeued, rank_killed_srun, array, two_jobs, plain, plain_srun, own_script,
      export_none, no_requeue, refused)),
    (("--nodes", "2"), 1, (rank_killed, rank_killed_in_save, node_killed_in_save, no_grace)),
    (("--nodes", "2", "--preempt-mode", "cancel"), 1, (cancelled_chain, half_the_nodes, node_killed_at_start)),
    (("--nodes", "2", "--gpus-per-node", "2"), 1, (gpus_per_task, oversubscribed)),
    (("--nodes", "4"), 2, (time_extended, bad_node)),
    (("--nodes", "4"), 1, (soonest,)),
    (("--nodes", "2", "--grace", "1"), 1, (grace_too_short,)),
    (("--nodes", "2", "--links"), 1, (link_cut,)),
    (("--nodes", "1", "--accounting"), 1, (accounted,)),
)
# After all others: a link of a minute must not share its cores.
LAST_GROUPS = ((("--nodes", "2"), 1, (time_limit_chain,)),)


class Preemption:
    """One way to be preempted; a case with a cluster of its own."""

    def __init__(self, mode, grace, user_signal, launcher):
        self.mode, self.grace, self.user_signal, self.launcher = mode, grace, user_signal, launcher
        self.__name__ = f"{mode}-{grace}s-{'signal-' if user_signal else ''}{launcher}"
        self.options = ["--nodes", "2", "--preempt-mode", mode, "--grace", str(grace),
                        *(["--send-user-signal"] if user_signal else [])]

    def __call__(self, cluster, folder, reference):
        run = Run(cluster, folder, self.__name__, launcher=self.launcher)
        # Where Slurm cancels before a save can be made, only a chain comes back.
        chained = self.mode == "cancel" and self.grace < 20
        job = run.submit(*run.site(), *(["--chain", 2] if chained else []))
        run.wait_step(60)
        # A grace of a second is one that is shorter than a save.
        with run.slow_saves(20) if self.grace == 1 else contextlib.nullcontext():
            cluster.devcluster("preempt", job, "--seconds", 2)
            cluster.wait(lambda: run.rank_pids() == [], 60, "the end of the first attempt")
        run.wait_done()
        lost = sum(end["last_step"] - end["saved_step"] for end in run.ends())
        assert 0 <= lost <= 25 and len(run.attempts()) == 2, (run.ends(), run.attempts())
        assert lost == 0 or self.grace < 20, run.ends()
        return f"{same_end(run, reference)}; {lost} steps done again"


def matrix():
    """Groups of one case each, carried out one after the other."""
    return [(case.options, 1, (case,))
            for mode in ("requeue", "cancel") for grace in (0, 1, 20) for user_signal in (False, True)
            for launcher in ("mpirun", "srun") for case in [Preemption(mode, grace, user_signal, launcher)]]


def prepare(folder):
    """A small dataset, and the loss that an undisturbed run ends with."""
    text = f"{folder}/text.txt"
    with open(text, "w") as file:
        file.write("".join(f"{i} times {i % 7} is {i * (i % 7)}; said the {'fox' if i % 3 else 'hen'}.\n\n"
                           for i in range(20000)))
    for words in (["tokenizer", "train", "--vocab", "300", "--output", f"{folder}/tokenizer.json", text],
                  ["prepare", "--tokenizer", f"{folder}/tokenizer.json", "--output", f"{folder}/data.h5", text]):
        subprocess.run([TRIREME, *words], check=True, capture_output=True)
    run = Run(None, folder, "reference", tp=1)
    subprocess.run([TRIREME, "train", run.file], check=True, capture_output=True)
    return run.final_loss()


def main():
    clusters.skip_unless_possible("mpirun", "srun", "ip", "slurmdbd", "mariadbd")
    whole_matrix = "--matrix" in sys.argv[1:]
    groups, last_groups = (matrix(), ()) if whole_matrix else (GROUPS, LAST_GROUPS)
    wanted = set(sys.argv[1:]) - {"--matrix"}
    unknown = wanted - {case.__name__ for _, _, cases in (*groups, *last_groups) for case in cases}
    if unknown:
        sys.exit(f"no case named {', '.join(sorted(unknown))}")
    failures = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        reference = prepare(folder)
        print(f"undisturbed: loss {reference:.6f} after {STEPS} steps", flush=True)

        def carry_out(case, cluster):
            start = time.monotonic()
            try:
                said = case(cluster, folder, reference)
            except Exception as error:  # every case is reported
                said = f"FAILED: {type(error).__name__}: {error}"
                with lock:
                    failures.append(case.__name__)
            print(f"{case.__name__}: {said} ({time.monotonic() - start:.0f} s)", flush=True)

        def carry_out_group(options, workers, cases):
            cases = [case for case in cases if not wanted or case.__name__ in wanted]
            if not cases:
                return
            with Cluster(*options) as cluster:
                with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                    for future in [pool.submit(carry_out, case, cluster) for case in cases]:
                        future.result()

        with concurrent.futures.ThreadPoolExecutor(2 if whole_matrix else 5) as pool:
            for future in [pool.submit(carry_out_group, *group) for group in groups]:
                future.result()
        for group in last_groups:
            carry_out_group(*group)
    print(f"{len(failures)} case(s) failed: {', '.join(failures)}" if failures else "all good")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
