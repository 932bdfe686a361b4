"""Programs that are not Trireme's under a real Slurm ([program], docs/program.md): the examples of examples/program/,
each preempted in its middle, ends with the numbers of an undisturbed run.

    program_test.py [CASE …]     only the named cases
"""

import concurrent.futures
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import cluster as clusters
from cluster import PATIENCE, TRIREME, Cluster

SOURCE = os.environ["TRIREME_SOURCE"]
EXAMPLES = f"{SOURCE}/examples/program"
PYTHON = os.path.dirname(sys.executable)


class Program:
    """One run: its file, its directory, its jobs."""

    def __init__(self, cluster, folder, example, name, *words):
        # Nodes of its own, or the preemption of one case would be another's too.
        self.cluster, self.name = cluster, name
        self.words = [f"--run.name={name}", "--slurm.extra=--exclusive", *words]
        self.folder, self.file = folder, f"{folder}/{example}.ini"
        self.directory = f"{folder}/runs/{name}"

    def undisturbed(self):
        """The loss that the program ends with when nobody disturbs it, on this machine without Slurm."""
        words = [word for word in self.words if not word.startswith("--run.name") and word != SRUN]
        # The numbers depend on how many ranks there are; here they are all on one node.
        ranks = ["--slurm.ranks_per_node=4"] if self.name.startswith(("ring", "ddp")) else []
        done = subprocess.run([TRIREME, "train", self.file, f"--run.name={self.name}-alone", *ranks, *words],
                              cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return last_loss(f"{self.directory}-alone")

    def submit(self, *words):
        done = self.cluster.run(TRIREME, "submit", self.file, *self.words, *words, cwd=self.folder)
        return done.stdout.split("job       ")[1].split(":")[0]

    def log(self):
        names = [name for name in os.listdir(f"{self.directory}/logs") if name.startswith("job.")]
        return "".join(open(f"{self.directory}/logs/{name}", errors="replace").read() for name in names)

    def lines(self):
        path = f"{self.directory}/metrics.jsonl"
        return [json.loads(line) for line in open(path) if line.endswith("\n")] if os.path.exists(path) else []

    def ledger(self, event):
        path = f"{self.directory}/attempts.jsonl"
        lines = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
        return [line for line in lines if line["event"] == event]

    def wait(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds * PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (self.name, f"no {what}", self.log()[-3000:])
            time.sleep(0.1)

    def wait_step(self, step):
        self.wait(lambda: any(line.get("step", 0) >= step for line in self.lines()), f"step {step}")

    def wait_done(self):
        self.wait(lambda: any(end["reason"] == "done" for end in self.ledger("end")), "end of the run", 180)

    def every_step_once(self):
        steps = [line["step"] for line in self.lines() if "loss" in line]
        assert steps == list(range(1, steps[-1] + 1)), (self.name, steps)
        return len(steps)


def last_loss(directory):
    lines = [json.loads(line) for line in open(f"{directory}/metrics.jsonl")]
    return [line["loss"] for line in lines if "loss" in line][-1]


def preempted(cluster, program, exact):
    """Submitted, preempted in its middle with a grace of 20 s: saved at the notice, requeued, nothing lost."""
    expected = program.undisturbed()
    job = program.submit()
    program.wait_step(60)
    cluster.devcluster("preempt", job, "--seconds", 2)
    program.wait_done()
    first = program.ledger("end")[0]
    # mpirun's daemons die of the notice, so its ranks may hang in MPI_Finalize until the end of the grace.
    by_mpirun = first["reason"].startswith("stopped by SIGTERM") and program.name == "ring"
    assert (first["reason"] == "preempted" or by_mpirun) and first["last_step"] == first["saved_step"] >= 60, (first, program.log()[-3000:])
    second = program.ledger("start")[1]
    assert second["first_step"] == first["saved_step"] and second["restart_count"] == 1, second
    steps = program.every_step_once()
    got = last_loss(program.directory)
    assert got == expected if exact else abs(got - expected) < 1e-4 * abs(expected), (program.name, got, expected)
    cluster.wait_state(job, "COMPLETED")
    return f"preempted at step {first['last_step']} of {steps}; loss {got:.10g}, undisturbed {expected:.10g}"


def ddp(cluster, folder):
    return preempted(cluster, Program(cluster, folder, "ddp", "ddp", PARAMS.format("lr = 1e-2, ")), False)  # gloo's sums


def ring(cluster, folder):
    return preempted(cluster, Program(cluster, folder, "ring", "ring", PARAMS.format("")), True)


def ring_srun(cluster, folder):
    return preempted(cluster, Program(cluster, folder, "ring", "ring-srun", PARAMS.format(""), SRUN), True)


def lightning(cluster, folder):
    return preempted(cluster, Program(cluster, folder, "lightning", "lightning", PARAMS.format("")), True)


def trainer(cluster, folder):
    return preempted(cluster, Program(cluster, folder, "trainer", "trainer", PARAMS.format("")), False)


def time_limit(cluster, folder):
    """Asked to stop before the job's time is over, and brought back."""
    program = Program(cluster, folder, "ring", "limit", "--program.params=steps = 700, delay = 0.1",
                      "--program.stop_seconds=5", "--slurm.time=1", "--slurm.nodes=1")
    job = program.submit()
    program.wait_done()
    first = program.ledger("end")[0]
    assert first["reason"] == "stopped before the time limit" and first["last_step"] == first["saved_step"], first
    assert int(cluster.job(job)["Restarts"]) >= 1, cluster.job(job)
    return f"stopped at step {first['last_step']}, {program.every_step_once()} steps in {len(program.ledger('end'))} jobs"


def node_killed(cluster, folder, example="ddp", *words):
    """A node dies: the run goes on from what it saved, on the nodes that are left."""
    program = Program(cluster, folder, example, f"{example}-killed", *(words or [PARAMS.format("lr = 1e-2, ")]),
                      "--slurm.min_nodes=1")
    job = program.submit()
    program.wait_step(60)
    hosts = program.ledger("start")[0]["hosts"]
    cluster.devcluster("kill-node", hosts[-1])
    program.wait_done()
    second = program.ledger("start")[1]
    assert second["first_step"] >= 50 and hosts[-1] not in second["hosts"], (second, program.log()[-3000:])
    assert second["job"] == job, second
    program.every_step_once()
    cluster.devcluster("start-node", hosts[-1])
    return f"went on from step {second['first_step']} on {len(second['hosts'])} of {len(hosts)} nodes"


def node_killed_srun(cluster, folder):
    return node_killed(cluster, folder, "ring", PARAMS.format(""), SRUN)


PARAMS = "--program.params={}steps = 160, delay = 0.1"
SRUN = "--program.launcher=srun"
CASES = [ddp, ring, ring_srun, lightning, trainer, time_limit, node_killed, node_killed_srun]
NEEDS = {"lightning": "pytorch_lightning", "trainer": "accelerate", "ddp": "torch", "node_killed": "torch"}


def carry_out(case, cluster, folder):
    module = NEEDS.get(case.__name__)
    start = time.monotonic()
    if module and importlib.util.find_spec(module) is None:
        print(f"{case.__name__}: skipped: the Python package {module} is not installed (scripts/setup.sh --tests)", flush=True)
        return True
    try:
        said = case(cluster, folder)
    except Exception as error:  # every case is reported
        said = f"FAILED: {type(error).__name__}: {error}"
    print(f"{case.__name__}: {said} ({time.monotonic() - start:.0f} s)", flush=True)
    return not said.startswith("FAILED")


def main():
    clusters.skip_unless_possible()
    cases = [case for case in CASES if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="trireme-program-test.", dir=clusters.VAR_TMP) as folder:
        for name in os.listdir(EXAMPLES):
            shutil.copy(f"{EXAMPLES}/{name}", folder)
        subprocess.run(["mpicc", f"{folder}/ring.c", "-o", f"{folder}/ring", "-lm"], check=True)
        os.environ["PATH"] = f"{PYTHON}:{os.environ['PATH']}"
        with Cluster("--nodes", "12", "--grace", "20") as cluster, concurrent.futures.ThreadPoolExecutor(3) as pool:
            good = list(pool.map(lambda case: carry_out(case, cluster, folder), cases))
    sys.exit(0 if all(good) else 1)


main()
