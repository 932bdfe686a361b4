"""What every benchmark shares: waiting for a healthy machine, alternating the candidates, medians and bests.

A machine may withhold one of its CPUs for minutes, so no absolute time counts: candidates alternate inside one run,
and each timing waits until two spinning processes get twice one process's work.
"""

import multiprocessing
import pathlib
import statistics
import time


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


def _spin(seconds, result):
    end = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        for _ in range(1000):
            count += 1
    result.value = count


def _work(processes, seconds):
    results = [multiprocessing.Value("q", 0) for _ in range(processes)]
    workers = [multiprocessing.Process(target=_spin, args=(seconds, r)) for r in results]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(r.value for r in results)


def cpu_health(seconds=0.25):
    """Work of two processes over twice the work of one: 1.0 when both CPUs are ours."""
    return _work(2, seconds) / (2.0 * max(1, _work(1, seconds)))


def wait_for_cpus(threshold=0.9, patience=60.0):
    """Waits until both CPUs are there, at most `patience` seconds; returns the last health measured."""
    deadline = time.monotonic() + patience
    health = cpu_health()
    while health < threshold and time.monotonic() < deadline:
        time.sleep(1.0)
        health = cpu_health()
    return health


def alternate(candidates, rounds, warmup=1, probe=True):
    """Runs each of `candidates` (name -> function returning seconds or any figure) in turn, `rounds` times.

    Returns name -> list of figures. The warm-up rounds are not kept. Says so when a round ran on an unhealthy machine.
    """
    figures = {name: [] for name in candidates}
    for round_number in range(warmup + rounds):
        for name, run in candidates.items():
            health = wait_for_cpus() if probe and round_number >= warmup else 1.0
            value = run()
            if round_number >= warmup:
                figures[name].append(value)
                if health < 0.9:
                    print(f"  (round {round_number - warmup + 1} of {name}: CPU health {health:.2f})")
    return figures


def ratio_line(what, ours, theirs, target, lower_is_better=True, names=("trireme", "peer")):
    """Prints and returns the ratio ours/theirs of medians, with the best of each and the target."""
    best = min if lower_is_better else max
    ratio = statistics.median(ours) / statistics.median(theirs)
    best_ratio = best(ours) / best(theirs)
    met = ratio <= target if lower_is_better else ratio >= target
    sign = "<=" if lower_is_better else ">="
    print(f"{what}: median ratio {ratio:.3f}, best ratio {best_ratio:.3f} (asked {sign} {target:g}: "
          f"{'met' if met else 'MISSED'}); {names[0]} median {statistics.median(ours):.4g} best {best(ours):.4g}, "
          f"{names[1]} median {statistics.median(theirs):.4g} best {best(theirs):.4g}")
    return ratio
