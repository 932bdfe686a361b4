"""Training under a real Slurm, as users meet it: submitted, preempted, killed, requeued, and always the same end.

    training_test.py              the cases of every run of the suite
    training_test.py [CASE …]     only the named cases, of all that there are
    training_test.py --all        those too that are left to scripts/soak.sh
    training_test.py --matrix     every way to be preempted instead: mode x grace x signal x launcher
"""

import concurrent.futures
import subprocess
import sys
import tempfile
import threading
import time

import cluster as clusters
from cluster import TRIREME, Cluster
from failure_cases import (bad_node, bombarded_srun, corrupted_node, fast_tier_cleared, link_cut, node_killed, node_killed_at_start,
                           node_killed_fast, node_killed_in_save, rank_killed, rank_killed_in_save, rank_killed_srun)
from preemption_cases import (cancelled_chain, grace_too_short, matrix, no_grace, preempted, preempted_srun,
                              requeue_refused)
from queue_cases import (accounted, alone_in_step, array, export_none, gpus_per_task, half_the_nodes, no_requeue, oversubscribed,
                         own_script, plain, plain_srun, refused, requeued, soonest, stopped_and_resumed, time_extended,
                         time_limit_chain, two_clusters, two_jobs)
from training_run import Run, STEPS

# Options of a cluster, how many cases at a time (the nodes share this machine's cores), the cases of every run, and cases
# that vary one of those in a detail and are left to scripts/soak.sh: each takes some 30 CPU seconds. Five groups run at
# the same time: most of a case is waiting. The small groups hold cases that need a cluster of their own: all of its
# nodes, another way to preempt, links, GPUs, accounting.
GROUPS = (
    (("--nodes", "12", "--grace", "20"), 3,
     (requeued, preempted, preempted_srun, node_killed, rank_killed_srun, two_jobs, array, plain, stopped_and_resumed,
      refused),
     (bombarded_srun, requeue_refused, plain_srun, no_requeue)),
    # Without a grace mpirun, too, ends within seconds of a rank's crash.
    (("--nodes", "6"), 3,
     (rank_killed_in_save, node_killed_fast, own_script, corrupted_node),
     (time_extended, node_killed_in_save, node_killed_at_start, rank_killed, export_none)),
    (("--nodes", "4"), 1, (bad_node, soonest), (two_clusters,)),
    (("--nodes", "2", "--links"), 1, (fast_tier_cleared, no_grace, link_cut), ()),
    (("--nodes", "2", "--preempt-mode", "cancel"), 1, (cancelled_chain, half_the_nodes), ()),
    (("--nodes", "2", "--gpus-per-node", "2", "--accounting"), 1,
     (accounted, gpus_per_task, oversubscribed, alone_in_step), ()),
    (("--nodes", "2", "--grace", "1"), 1, (), (grace_too_short,)),
)

# After all others: a link of a minute must not share its cores.
LAST_GROUPS = ((("--nodes", "2"), 1, (time_limit_chain,), ()),)


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
    wanted = set(sys.argv[1:]) - {"--matrix", "--all"}
    unknown = wanted - {case.__name__ for _, _, cases, more in (*groups, *last_groups) for case in (*cases, *more)}
    if unknown:
        sys.exit(f"no case named {', '.join(sorted(unknown))}")
    failures = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(dir=clusters.VAR_TMP) as folder:
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

        def carry_out_group(options, workers, cases, more):
            if wanted:
                cases = [case for case in (*cases, *more) if case.__name__ in wanted]
            elif "--all" in sys.argv[1:]:
                cases = (*cases, *more)
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
