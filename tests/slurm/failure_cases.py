"""Ranks, nodes and links that fail. Each case takes a cluster, a folder and the undisturbed run's last loss."""

import contextlib
import os
import re
import signal
import sys
import time

from training_run import Run, same_end

sys.path[:0] = [os.path.join(os.environ["TRIREME_SOURCE"], "tests", room) for room in ("support", "system")]
from memory import flipped, poke  # noqa: E402
from support import logical_tensors, step_directory  # noqa: E402

STOPS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


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


def bombarded_srun(cluster, folder, reference):
    """Sixty signals 10 ms apart to each rank under srun, of all kinds: saved once, ended with 75; it goes on."""
    run = Run(cluster, folder, "bombarded-srun", extra="--exclusive --no-requeue", launcher="srun")
    job = run.submit()
    run.wait_step(60)
    ranks = run.rank_pids()
    for i in range(60):
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):  # it has left already
                os.kill(rank, STOPS[i % len(STOPS)])
        time.sleep(0.01)
    cluster.wait_state(job, ("FAILED", "COMPLETED"))
    assert cluster.job(job)["ExitCode"] == "75:0", (cluster.job(job), run.log()[-2000:])
    first = run.ends()[0]
    assert first["last_step"] == first["saved_step"] >= 60, first
    run.submit()
    run.wait_done()
    assert len(run.attempts()) == 2 and run.attempts()[1]["first_step"] == first["saved_step"], run.attempts()
    return same_end(run, reference)


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


FAST = "/dev/shm/trireme-test"
FAST_TIER = f"fast_dir = {FAST}\nfast_every_steps = 3"


def left_in_fast_tier(cluster, node):
    return cluster.files_on(node, FAST)


def node_killed_fast(cluster, folder, reference):
    """With a fast tier: the node that is left has copies of what the lost one had, newer than the run directory's."""
    run = Run(cluster, folder, "node-killed-fast", every_steps=1000, checkpoint=FAST_TIER)
    job = run.submit()
    run.wait_step(60)
    batch = cluster.job(job)["BatchHost"]
    victim = [node for node in cluster.hosts(job) if node != batch][0]
    assert left_in_fast_tier(cluster, batch) == left_in_fast_tier(cluster, victim) != []
    cluster.devcluster("kill-node", victim)
    run.wait_done()
    assert left_in_fast_tier(cluster, batch) == []
    cluster.devcluster("start-node", victim)
    second = run.attempts()[1]
    assert second["hosts"] == [batch] and second["first_step"] >= 50 and second["first_step"] % 3 == 0, run.attempts()
    assert cluster.job(job).get("Restarts", "0") == "0", cluster.job(job)
    return f"{same_end(run, reference)}; went on from step {second['first_step']}, nothing in the run directory"


def fast_tier_cleared(cluster, folder, reference):
    """No layout without the lost node: the job is requeued and leaves nothing on the node that it still has; after that
    it goes on from the run directory."""
    run = Run(cluster, folder, "fast-tier-cleared", tp=2, pp=2, checkpoint=FAST_TIER)
    job = run.submit()
    run.wait_step(60)
    batch = cluster.job(job)["BatchHost"]
    victim = [node for node in cluster.hosts(job) if node != batch][0]
    assert left_in_fast_tier(cluster, batch)
    cluster.devcluster("kill-node", victim)
    cluster.wait(lambda: cluster.state(job) == "PENDING", 60, "the job in the queue again")
    assert left_in_fast_tier(cluster, batch) == []
    cluster.devcluster("start-node", victim)
    run.wait_done()
    assert run.attempts()[1]["first_step"] % 25 == 0, run.attempts()
    assert cluster.job(job)["Restarts"] == "1", cluster.job(job)
    return f"{same_end(run, reference)}; nothing left on {batch}, went on from step {run.attempts()[1]['first_step']}"


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


def corrupted_node(cluster, folder, reference):
    """One of three replicas has a flipped bit: the others outvote it, and the next attempt goes on without its node."""
    run = Run(cluster, folder, "corrupted-node", tp=1, nodes=3, ranks_per_node=1, global_batch=12)
    # Too small to change a bit of the parameters: so their bytes can be found.
    job = run.submit("--optimizer.lr=1e-30", "--optimizer.weight_decay=0", "--train.compare_replicas_every=5")
    run.wait_step(30)
    values = logical_tensors(step_directory(run.directory, 25))[("param", "layers.1.ffn.up.weight")]
    piece = values[3, :16].copy()
    hosts = run.attempts()[0]["hosts"]
    assert poke(run.rank_pids()[2], piece.tobytes(), flipped(piece).tobytes()) > 0, "rank 2 does not hold it"
    run.wait_done()
    event = [line for line in run.lines("attempts.jsonl") if line["event"] == "health"][0]
    assert (event["kind"], event["action"], event["rank"], event["host"]) == ("corruption", "stopped", 2, hosts[2]), event
    assert run.attempts()[1]["hosts"] == hosts[:2] and run.attempts()[1]["layout"] == "dp2", run.attempts()
    assert event["step"] - 5 <= run.attempts()[1]["first_step"] + 25 and len(run.attempts()) == 2, (event, run.attempts())
    assert cluster.job(job).get("Restarts", "0") == "0", cluster.job(job)
    return f"named at step {event['step']}; went on from {run.attempts()[1]['first_step']} on {' and '.join(hosts[:2])}"


def bad_node(cluster, folder, reference):
    """A node on which every attempt fails, and no layout without it: a new job that is not to get it. It is rank 0's."""
    run = Run(cluster, folder, "bad-node", tp=2, pp=2)
    first = run.submit(*run.site("env BROKEN_READS=n1"))
    cluster.wait_state(first, "RUNNING")
    assert cluster.hosts(first) == ["n1", "n2"]
    run.wait_done()
    second = run.attempts()[-1]["job"]
    assert second != first and [one["job"] for one in run.attempts()] == [first, first, second], run.attempts()
    assert all(end["reason"].startswith("failed on n1: ") for end in run.ends()[:-1]), run.ends()
    assert cluster.job(first)["ExitCode"] == "1:0", cluster.job(first)
    assert cluster.job(second)["ExcNodeList"] == "n1" and run.attempts()[-1]["restart_count"] == 0, cluster.job(second)
    return f"{same_end(run, reference)}; job {second} on {' and '.join(run.attempts()[-1]['hosts'])}"


def link_cut(cluster, folder, reference):
    """Two nodes cannot reach each other any more: the hang is named, and ends in a new attempt."""
    run = Run(cluster, folder, "link-cut", ranks_per_node=1)
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
