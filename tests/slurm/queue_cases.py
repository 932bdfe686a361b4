"""Submitted, requeued, limited, refused. Each case takes a cluster, a folder and the undisturbed run's last loss."""

import json
import os
import re
import time

from cluster import TRIREME, Cluster
from training_run import Run, same_end


def plain(cluster, folder, reference):
    """On nodes that others share, with somebody's own defaults for sbatch in the environment."""
    run = Run(cluster, folder, "plain", nodes=2, extra="")
    job = run.submit(variables=["SBATCH_PARTITION=high", "SBATCH_TIMELIMIT=1", "SBATCH_MEM_PER_NODE=1", "SBATCH_HOLD=1",
                                "SBATCH_NO_REQUEUE=1", "SBATCH_OPEN_MODE=truncate", "SBATCH_EXCLUSIVE=1"])
    asked = cluster.job(job)
    assert (asked["Partition"], asked["TimeLimit"], asked["Requeue"]) == ("low", "00:10:00", "1"), asked
    # Two of a node's four CPUs and half its memory.
    assert (asked["MinMemoryNode"], asked["OverSubscribe"]) == ("2000M", "OK"), asked
    assert "SBATCH_PARTITION" in run.output, run.output
    run.wait_done()
    assert cluster.wait_state(job, ("COMPLETED", "FAILED")) == "COMPLETED"
    return same_end(run, reference)


def plain_srun(cluster, folder, reference):
    run = Run(cluster, folder, "plain-srun", tp=2, pp=2, nodes=4, ranks_per_node=1, launcher="srun")
    run.submit()
    run.wait_done()
    assert run.attempts()[0]["hosts"].__len__() == 4, run.attempts()
    return same_end(run, reference)


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
    assert asked >= 2, asked  # a second between two questions
    run.wait_step(10)
    assert len(run.attempts()[0]["hosts"]) == 1, run.attempts()
    cluster.run("scancel", taken, *run.jobs)
    return f"asked about {len(answers)} sizes in {asked:.1f} s"


def no_requeue(cluster, folder, reference):
    """A job without the right to come back: saved at the notice, ended with 75; submitted again it goes on."""
    run = Run(cluster, folder, "no-requeue", ranks_per_node=1, extra="--exclusive --no-requeue", launcher="auto")
    job = run.submit()
    assert "may not be requeued" in run.output, run.output
    run.wait_step(60)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    cluster.wait_state(job, ("FAILED", "COMPLETED"))
    assert cluster.job(job)["ExitCode"] == "75:0", cluster.job(job)
    run.submit()
    run.wait_done()
    return same_end(run, reference)


LINK_PACE = 0.42  # seconds a step: 100 s of training in jobs of 60 s


def time_limit_chain(cluster, folder, reference):
    """Jobs of a minute: each saves before its limit, the next goes on, the rest of the chain ends at once."""
    run = Run(cluster, folder, "time-limit", ranks_per_node=1, time=1)
    run.set_pace(LINK_PACE)
    first = run.submit("--chain", 6)
    run.wait_done(320, LINK_PACE)
    jobs = [first, *re.findall(r"job (\d+), after", run.output)]
    reasons = [end["reason"] for end in run.ends()]
    assert all(reason == "stopped before the time limit" for reason in reasons[:-1]), reasons
    assert len(reasons) > 1 and reasons[-1] == "done", reasons
    assert all(end["last_step"] == end["saved_step"] for end in run.ends()), run.ends()
    for job in jobs:
        assert cluster.wait_state(job, ("COMPLETED", "FAILED", "TIMEOUT")) != "TIMEOUT", cluster.job(job)
    assert cluster.state(jobs[-1]) == "COMPLETED", cluster.job(jobs[-1])
    return f"{same_end(run, reference)}; {len(run.attempts())} links trained"


def time_extended(cluster, folder, reference):
    """scontrol update TimeLimit in mid-job: the run goes on past the limit that it began with."""
    run = Run(cluster, folder, "time-extended", time=2, nodes=1)
    job = run.submit()
    run.wait_step(20)
    cluster.run("scontrol", "update", f"JobId={job}", "TimeLimit=20")
    run.wait_done(320, 0.6)  # 130 s for the steps that are left
    (start,), (end,) = run.attempts(), run.ends()
    seconds = end["time"] - start["time"]
    assert seconds > 120, seconds
    assert run.log().count("the job's time limit was changed") == 1, run.log()[-2000:]
    return f"{same_end(run, reference)}; trained for {seconds:.0f} s in a job of 120 s"


def accounted(cluster, folder, reference):
    """With slurmdbd: the price in billing units and the account's share; usage knows the run and the job."""
    run = Run(cluster, folder, "accounted", nodes=1, launcher="auto")
    run.submit("--slurm.account=physics")
    price = re.search("price .*", run.output).group(0)
    assert "billing units an hour" in price and "account physics" in price, run.output
    run.wait_done()
    cluster.wait_state(run.jobs[0], "COMPLETED")
    used = json.loads(cluster.run(TRIREME, "usage", "--tree", run.directory, "--days", "1", "--json").stdout)
    (project,), (person,) = used["projects"], used["people"]
    assert used["sacct"] and used["sshare"] and project["name"] == "physics", used
    assert project["waits"]["starts"] == 1 and project["attempts"] == 1, used
    assert 0 < project["used_hours"] == person["used_hours"] and project["checkpoint_bytes"] > 0, used
    (jobs,) = used["jobs"]
    assert jobs["name"] == person["name"] and jobs["starts"] >= 1 and jobs["cpu_hours"] > 0, used
    return f"{same_end(run, reference)}; {price}; {project['used_hours'] * 3600:.0f} device seconds used"


def requeued(cluster, folder, reference):
    """scontrol requeue, then scancel --signal, then a plain scancel and a new submission."""
    run = Run(cluster, folder, "requeued", ranks_per_node=1)
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


def stopped_and_resumed(cluster, folder, reference):
    """trireme stop ends the job with 75 and nothing queues the run again; trireme resume does, with the script as it was."""
    run = Run(cluster, folder, "stopped")
    job = run.submit()
    run.wait_step(60)
    cluster.run(TRIREME, "stop", run.directory)
    cluster.wait_state(job, ("FAILED", "COMPLETED"))
    assert cluster.job(job)["ExitCode"] == "75:0", cluster.job(job)
    queued = ("squeue", "--noheader", "--name=stopped", "--format=%i")
    assert cluster.run(*queued).stdout == "", "something of a stopped run is queued"
    shown = cluster.run(TRIREME, "status", run.directory).stdout
    assert " stopped " in shown and "held" not in shown, shown
    script = open(f"{run.directory}/submit.sbatch").read()
    said = cluster.run(TRIREME, "resume", run.directory).stdout
    again = re.search(r"^job +(\d+): goes on after step (\d+)$", said, flags=re.MULTILINE)
    assert said.startswith("the stop was lifted\n") and again and again.group(1) != job, said
    cluster.run(TRIREME, "resume", run.directory)
    assert cluster.run(*queued).stdout.split() == [again.group(1)], "submitted twice"
    run.wait_done()
    assert open(f"{run.directory}/submit.sbatch").read() == script
    assert cluster.wait_state(again.group(1), ("COMPLETED", "FAILED")) == "COMPLETED"
    assert [start["job"] for start in run.attempts()] == [job, again.group(1)], run.attempts()
    assert run.attempts()[1]["first_step"] == int(again.group(2)) >= 60, (said, run.attempts())
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
    run = Run(cluster, folder, "two-jobs", ranks_per_node=1)
    run.submit()
    run.wait_step(20)
    refused = cluster.run(TRIREME, "submit", run.file, check=False)
    assert refused.returncode == 2 and f"job {run.jobs[0]} already (RUNNING)" in refused.stderr, refused
    second = cluster.sbatch(f"{run.directory}/submit.sbatch")
    state = cluster.wait_state(second, ("FAILED", "COMPLETED"), 120)
    run.wait_done()
    assert "another job" in run.log() or state == "COMPLETED", run.log()[-2000:]
    return f"{same_end(run, reference)}; the second job: {state}"


def two_clusters(cluster, folder, reference):
    """Another cluster on the same file system, where the number of the run's job is of one that ended long ago."""
    run = Run(cluster, folder, "two-clusters", tp=1, nodes=1)
    run.set_pace(0.45)  # 100 s for what follows
    first = run.submit()
    run.wait_step(10)
    with Cluster("--nodes", "2") as other:
        while int(other.sbatch("--output=/dev/null", "--wrap=true")) < int(first):
            pass
        other.wait_state(first, "COMPLETED")
        # On n2: on n1 it would be the process, not the cluster, that tells.
        there = Run(other, folder, "two-clusters", tp=1, nodes=1, extra="--exclusive --nodelist=n2")
        run.set_pace(0.45)
        second = there.submit()
        other.wait(lambda: f"in use by job {first} of cluster devcluster" in run.log(), 60, lambda: run.log()[-2000:])
        other.run("scancel", second)
        other.wait_state(second, "CANCELLED")
    run.wait_done()
    assert len(run.attempts()) == 1 and run.attempts()[0]["cluster"].startswith("devcluster"), run.attempts()
    return same_end(run, reference)


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


def alone_in_step(cluster, folder, reference):
    """In a step's shell a command is a world of one, as often as it is called; several tasks need PMI, and are told so."""
    run = Run(cluster, folder, "alone-in-step", tp=1, steps=2)
    for mpi in ("none", "pmix"):
        command = f"{TRIREME} train {run.file} --run.dir={run.directory}-{mpi}"
        said = cluster.run("srun", "--ntasks=1", f"--mpi={mpi}", "sh", "-c", f"{command} && {command}").stdout
        assert "newest checkpoint" in said and "srun" not in said, said
    refused = cluster.run("srun", "--ntasks=2", "--mpi=none", TRIREME, "train", run.file, check=False)
    assert refused.returncode == 2 and "2 tasks that do not know each other" in refused.stderr, refused
    assert "Open" not in refused.stderr and not os.path.exists(run.directory), refused
    return refused.stderr.splitlines()[0]


def oversubscribed(cluster, folder, reference):
    """Two ranks on one CPU: one line of warning, and they train."""
    run = Run(cluster, folder, "oversubscribed", nodes=1)
    job = run.submit(*run.site(f"taskset --cpu-list {min(os.sched_getaffinity(0))}"))
    run.wait_step(10)
    cluster.run("scancel", job)
    warnings = [line for line in run.log().splitlines() if "this will be slow" in line]
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
