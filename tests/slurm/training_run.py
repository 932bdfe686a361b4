"""A run as its user sees it: run file, run directory, jobs; and what it must end with."""

import contextlib
import glob
import json
import os
import re

from cluster import FAULTS, TRIREME

STEPS = 240
PACE = 0.2  # 36 s from step 60 to the end, longer than anything that a case does there takes
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
every_steps = {every_steps}
every_minutes = 0
{checkpoint}
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
                 global_batch=8, every_steps=25, checkpoint=""):
        self.cluster, self.name = cluster, name
        self.file = f"{folder}/{name}.ini"
        self.directory = f"{folder}/runs/{name}"
        self.slow = f"{folder}/{name}.slow"
        # So that what a case does in the middle of a run meets its middle, on any machine: see set_pace.
        self.set_pace(PACE if cluster else 0)
        with open(self.file, "w") as file:
            file.write(RUN.format(**{key: value for key, value in locals().items() if key != "file"}))

    def set_pace(self, seconds):
        """From now on each step takes at least so many seconds; 0: as fast as the machine can."""
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        with open(f"{self.directory}.pace", "w") as file:
            file.write(str(seconds))

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
        prefix = prefix or f"env SLOW_SAVES={self.slow}"
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

    def submit(self, *words, variables=()):
        """The first job's id; .output is what submit said. `variables` stand in its environment."""
        done = self.cluster.run("env", *variables, TRIREME, "submit", self.file, *words)
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

    def wait_done(self, seconds=240, pace=0):
        """The rest of the run at this pace."""
        self.set_pace(pace)
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
                if "trireme-run" not in words.split("\0")[0] or self.directory not in words:
                    continue
                variables = open(f"/proc/{entry}/environ", "rb").read().decode(errors="replace")
            except OSError:
                continue  # it ended while we looked
            rank = re.search("(?:OMPI_COMM_WORLD_RANK|PMIX_RANK)=(\\d+)", variables)
            if rank:  # a process that is ending has no environment any more
                found.append((int(rank.group(1)), int(entry)))
        return [pid for _, pid in sorted(found)]


def nothing_left(run, job, hosts):
    """What killed attempts of MPI left on the job's nodes is gone."""
    cluster = next(line for line in run.cluster.run("scontrol", "show", "config").stdout.splitlines()
                   if line.startswith("ClusterName")).split("=")[1].strip()
    name = f"trireme-0-{cluster}-{job}."
    assert "--own-scratch" in open(f"{run.directory}/submit.sbatch").read()
    for host in hosts:
        left = [entry for folder in ("/tmp", "/dev/shm") for entry in run.cluster.files_on(host, folder)
                if entry.startswith((name, "vader_segment"))]
        assert not left, (host, left)


def same_end(run, reference):
    """The undisturbed run's last loss and metrics without a gap or a repeat."""
    steps = [line["step"] for line in run.lines("metrics.jsonl") if "loss" in line]
    assert steps == list(range(1, STEPS + 1)), (run.name, len(steps), steps[-1])
    difference = abs(run.final_loss() / reference - 1)
    assert difference < 1e-9, (run.name, run.final_loss(), reference)
    return f"loss {run.final_loss():.6f}, off by {difference:.0e}"
