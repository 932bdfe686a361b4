"""Preempted, with and without notice. Each case takes a cluster, a folder and the undisturbed run's last loss."""

import contextlib
import os
import re
import shutil
import time

from cluster import TRIREME
from training_run import Run, nothing_left, same_end


def preempted(cluster, folder, reference, launcher="mpirun"):
    """A grace of 20 s: saved at the notice, requeued by the script, nothing lost."""
    run = Run(cluster, folder, f"preempted-{launcher}", launcher=launcher)
    job = run.submit()
    run.wait_step(60)
    notice = time.time()
    cluster.devcluster("preempt", job, "--seconds", 2)
    run.wait_done()
    first = run.ends()[0]
    assert first["reason"] == "preempted", first
    assert first["last_step"] == first["saved_step"], first
    assert run.attempts()[1]["reason"] == "requeued after it was preempted", run.attempts()
    assert cluster.job(job)["Restarts"] == "1"
    cluster.wait_state(job, "COMPLETED")
    nothing_left(run, job, {host for attempt in run.attempts() for host in attempt["hosts"]})
    return f"{same_end(run, reference)}; saved {first['time'] - notice:.1f} s after the request to preempt"


def preempted_srun(cluster, folder, reference):
    return preempted(cluster, folder, reference, "srun")


def no_grace(cluster, folder, reference):
    """REQUEUE without notice: back at the last checkpoint."""
    run = Run(cluster, folder, "no-grace")
    job = run.submit()
    run.wait_step(60)
    cluster.devcluster("preempt", job, "--seconds", 2)
    run.wait_done()
    lost = run.ends()[0]["last_step"] - run.ends()[0]["saved_step"]
    assert 0 <= lost <= 25, run.ends()
    cluster.wait_state(job, "COMPLETED")
    nothing_left(run, job, {host for attempt in run.attempts() for host in attempt["hosts"]})
    return f"{same_end(run, reference)}; {lost} steps done again"


def requeue_refused(cluster, folder, reference):
    """scontrol fails at first inside the grace: the script asks again, and does not end the job."""
    run = Run(cluster, folder, "requeue-refused", ranks_per_node=1)
    programs = f"{folder}/requeue-refused.programs"
    os.mkdir(programs)
    with open(f"{programs}/scontrol", "w") as file:  # all works but the first two requeues
        file.write(f'#!/bin/bash\nif [ "$1" = requeue ]; then\n  echo "$*" >>{programs}/calls\n'
                   f'  [ "$(wc -l <{programs}/calls)" -gt 2 ] || exit 1\nfi\nexec {shutil.which("scontrol")} "$@"\n')
    os.chmod(f"{programs}/scontrol", 0o755)
    script = cluster.run(TRIREME, "submit", run.file, "--dry-run").stdout
    assert "pause=15" in script, script
    os.makedirs(f"{run.directory}/logs")
    with open(f"{run.directory}/submit.sbatch", "w") as file:
        file.write(script.replace("pause=15", "pause=1"))
    job = cluster.run("env", f"PATH={programs}:{os.environ['PATH']}", "sbatch", "--parsable",
                      f"{run.directory}/submit.sbatch").stdout.strip()
    run.wait_step(60)
    cluster.devcluster("preempt", job, "--seconds", 2)
    run.wait_done()
    assert cluster.job(job)["Restarts"] == "1", cluster.job(job)
    assert open(f"{programs}/calls").read().split("\n")[:3] == [f"requeue {job}"] * 3
    return same_end(run, reference)


def grace_too_short(cluster, folder, reference):
    """A save takes longer than grace and kill wait: killed while it saves; back at the checkpoint before."""
    run = Run(cluster, folder, "grace-too-short", ranks_per_node=1, launcher="srun")
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
    run = Run(cluster, folder, "chain", ranks_per_node=1)
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
    assert len(run.attempts()) == 2 and run.ends()[0]["reason"] == "preempted", (run.attempts(), run.ends())
    return same_end(run, reference)


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
    return [(case.options, 1, (case,), ())
            for mode in ("requeue", "cancel") for grace in (0, 1, 20) for user_signal in (False, True)
            for launcher in ("mpirun", "srun") for case in [Preemption(mode, grace, user_signal, launcher)]]
