"""trireme submit --spare on a real Slurm: the run grows when nodes stand idle, shrinks when they go or others want them, and
ends with an undisturbed run's loss.

    spare_test.py                        waits for each of these, however slow the machine is
    spare_test.py compete [SECONDS]      beside a scripted stream of other people's jobs for so long (default: 95): delays
                                         nobody, and does more in an hour than the same run submitted plainly, which has a
                                         cluster of its own with the same stream; for a quiet machine
"""

import concurrent.futures
import re
import sys
import tempfile
import time

import cluster as clusters
from cluster import TRIREME, Cluster
from training_run import Run, STEPS, same_end
from training_test import prepare

GRACE = 10
SECONDS = 95
PACE = 0.33  # seconds a step, of a stream of that length
CLUSTER = ("--nodes", "4", "--grace", str(GRACE))
# Jobs of others: when they come, nodes, seconds. They repeat every PERIOD seconds.
STREAM = ((0, 2, 40), (75, 2, 25))
PERIOD = 110


def stream_until(seconds):
    return [(start + PERIOD * i, nodes, min(lasts, seconds + 30)) for i in range(int(seconds // PERIOD) + 1)
            for start, nodes, lasts in STREAM if start + PERIOD * i < seconds]


class Stream:
    """Other people's jobs on one cluster; they preempt what runs in partition low."""

    def __init__(self, cluster, seconds):
        self.cluster, self.seconds, self.jobs = cluster, seconds, []
        self.began = time.monotonic()

    def now(self):
        return time.monotonic() - self.began

    def carry_out(self):
        for start, nodes, lasts in stream_until(self.seconds):
            time.sleep(max(0, start - self.now()))
            self.jobs.append(self.cluster.sbatch("--partition=high", "--exclusive", f"--nodes={nodes}", "--time=10",
                                                 "--no-requeue", "--output=/dev/null", f"--wrap=sleep {lasts}"))
        time.sleep(max(0, self.seconds - self.now()))

    def waits(self):
        """Seconds that each of them waited in the queue."""
        def seconds(text):
            return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
        facts = [self.cluster.job(job) for job in self.jobs]
        return [seconds(one["StartTime"]) - seconds(one["SubmitTime"]) for one in facts]


def nobody(folder, seconds):
    with Cluster(*CLUSTER) as cluster:
        stream = Stream(cluster, seconds)
        stream.carry_out()
        return stream.waits()


def kept_work(run, pace):
    """Device-seconds of the steps that the run keeps: ranks times the pace."""
    first = [(start["first_step"], start["ranks"]) for start in run.attempts()]
    work = 0
    for line in run.lines("metrics.jsonl"):
        if "loss" in line:
            count = [number for step, number in first if step < line["step"]][-1]
            work += pace * count
    return work


def site_file(run):
    """One that lets its jobs ask often."""
    words = run.site()
    with open(words[1]) as file:
        facts = file.read()
    with open(words[1], "w") as file:
        file.write(re.sub("^queue_seconds =.*", "queue_seconds = 5", facts, flags=re.MULTILINE))
    return words


def compete(folder, seconds, name, spare):
    """The run beside the stream; what it did until the stream's end, and how long the others waited."""
    with Cluster(*CLUSTER) as cluster:
        run = Run(cluster, folder, name, tp=1, nodes=4, ranks_per_node=1, launcher="auto", extra="", every_steps=20,
                  time=10, steps=STEPS)
        pace = PACE * max(1, seconds / SECONDS)
        run.set_pace(pace)
        stream = Stream(cluster, seconds)
        words = site_file(run) if spare else []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            others = pool.submit(stream.carry_out)
            cluster.wait(lambda: stream.jobs and cluster.state(stream.jobs[0]) == "RUNNING", 10, "the first other job")
            run.submit(*words, *(["--spare", "--slurm.spare_seconds=5"] if spare else []))
            others.result()
        work = kept_work(run, pace)
        if spare:
            run.wait_done()
        return run, run.output, work, stream.waits()


def drained(folder, reference):
    """A node is to be repaired: the run leaves it, and takes it again afterwards."""
    with Cluster("--nodes", "2") as cluster:
        run = Run(cluster, folder, "drained", tp=1, nodes=2, ranks_per_node=1, extra="", time=10)
        run.set_pace(PACE)
        # What the run file says of another partition does not count.
        job = run.submit(*site_file(run), "--spare", "--slurm.spare_seconds=5", "--slurm.partition=gone")
        run.wait_step(10)
        victim = [node for node in cluster.hosts(job) if node != cluster.job(job)["BatchHost"]][0]
        cluster.run("scontrol", "update", f"NodeName={victim}", "State=DRAIN", "Reason=test")
        cluster.wait(lambda: len(run.attempts()) == 2, 30, lambda: f"a smaller job:\n{run.log()[-2000:]}")
        assert cluster.node_state(victim) == "drained", cluster.node_state(victim)
        cluster.run("scontrol", "update", f"NodeName={victim}", "State=RESUME")
        cluster.wait(lambda: len(run.attempts()) == 3, 60, lambda: f"a larger job:\n{run.log()[-2000:]}")
        run.wait_done()
        nodes = [len(start["hosts"]) for start in run.attempts()]
        assert nodes == [2, 1, 2] and len({start["job"] for start in run.attempts()}) == 3, run.attempts()
        assert all(end["last_step"] == end["saved_step"] for end in run.ends()), run.ends()
        assert [end["reason"] for end in run.ends()] == [
            "stopped to go on with 1 node", "stopped to go on with 1 to 2 nodes", "done"], run.ends()
        assert run.attempts()[1]["reason"] == "next job after it was stopped to go on with 1 node", run.attempts()
        cluster.wait_state(job, "COMPLETED")
        return f"drained: {nodes} nodes; {same_end(run, reference)}"


def gives_way(folder, reference):
    """Beside one job of another it takes the rest of the nodes, then all, and leaves some of them to the next one."""
    with Cluster(*CLUSTER) as cluster:
        other = ("--partition=high", "--exclusive", "--nodes=2", "--time=10", "--no-requeue", "--output=/dev/null",
                 "--wrap=sleep 500")
        first = cluster.sbatch(*other)
        cluster.wait_state(first, "RUNNING")
        run = Run(cluster, folder, "gives-way", tp=1, nodes=4, ranks_per_node=1, launcher="auto", extra="", every_steps=20)
        run.set_pace(1)  # minutes for what follows
        run.submit(*site_file(run), "--spare", "--slurm.spare_seconds=5")
        run.wait_step(5)
        cluster.run("scancel", first)
        cluster.wait(lambda: len(run.attempts()) == 2, 60, lambda: f"a larger job:\n{run.log()[-2000:]}")
        run.wait_step(run.attempts()[1]["first_step"] + 2)
        second = cluster.sbatch(*other)
        cluster.wait_state(second, "RUNNING")
        cluster.wait(lambda: len(run.attempts()) == 3, 60, lambda: f"a smaller job:\n{run.log()[-2000:]}")
        assert cluster.state(second) == "RUNNING", cluster.job(second)
        run.wait_done()
        nodes = [len(start["hosts"]) for start in run.attempts()]
        assert nodes == [2, 4, 2], run.attempts()
        assert [end["reason"] for end in run.ends()] == ["stopped to go on with 1 to 4 nodes", "preempted", "done"], run.ends()
        return f"gives way: {nodes} nodes; {same_end(run, reference)}"


def competition(folder, reference, seconds):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        alone = pool.submit(nobody, folder, seconds)
        spare = pool.submit(compete, folder, seconds, "spare", True)
        plain = pool.submit(compete, folder, seconds, "plain", False)
        waits = alone.result()
        run, said, work, spare_waits = spare.result()
        _, _, plain_work, plain_waits = plain.result()
    print(re.search("spare  .*", said).group(0))
    print("\n".join(line for line in run.log().splitlines() if line.startswith("trireme job")))
    nodes = [len(start["hosts"]) for start in run.attempts()]
    print(f"nodes of the attempts: {nodes}; {[end['reason'] for end in run.ends()]}")
    print(f"others waited: {waits} s without the run, {spare_waits} s beside --spare, {plain_waits} s beside plain")
    print(f"device-seconds of kept steps an hour: {work * 3600 / seconds:.0f} with --spare, "
          f"{plain_work * 3600 / seconds:.0f} submitted plainly, {work / max(plain_work, 1e-9):.2f} times as much")
    print(same_end(run, reference))
    between = [start["time"] - end["time"] for end, start in zip(run.ends(), run.attempts()[1:])]
    print(f"seconds between the attempts: {', '.join(f'{one:.1f}' for one in between)}")
    changes = [b - a for a, b in zip(nodes, nodes[1:])]
    assert max(changes) > 0 and min(changes) < 0, nodes
    assert all(ours <= without + GRACE for ours, without in zip(spare_waits, waits)), (spare_waits, waits)
    assert work > plain_work, (work, plain_work)


def main():
    clusters.skip_unless_possible("mpirun", "srun")
    with tempfile.TemporaryDirectory(dir=clusters.VAR_TMP) as folder:
        reference = prepare(folder)
        if sys.argv[1:2] == ["compete"]:
            competition(folder, reference, float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
            return
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(case, folder, reference) for case in (drained, gives_way)]:
                print(future.result(), flush=True)


if __name__ == "__main__":
    main()
