"""A sweep's numbers against others': Sobol's points are scipy's, and asynchronous successive halving finds and costs what a
plain Python version of it does, over 200 simulated sweeps; what Optuna's pruner makes of the same sweeps is printed.

Usage: sweep_numbers_test.py SWEEP_NUMBERS (a program)"""

import heapq
import json
import subprocess
import sys

import numpy as np
from scipy.stats import qmc

PROGRAM = sys.argv[1]
SEEDS = 200
TRIALS, WORKERS, REDUCTION = 60, 4, 3
RUNGS = [3, 9, 27, 81]


def check(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def sobol_is_scipys():
    for dimensions in (1, 2, 7, 40, 500):
        ours = subprocess.run([PROGRAM, "sobol", "128", str(dimensions)], capture_output=True, text=True, check=True).stdout
        ours = np.array([[float(word) for word in line.split()] for line in ours.splitlines()])
        theirs = qmc.Sobol(dimensions, scramble=False).random(128)
        check(np.array_equal(ours, theirs), f"Sobol's points in {dimensions} dimensions differ from scipy's")
    print("Sobol's points are scipy's in 1, 2, 7, 40 and 500 dimensions")


class PlainAsha:
    """The paper's get_job (algorithm 2) for a list of trials that is known beforehand, and a last promotion, so that one
    trial is trained to the end."""

    def __init__(self, trials):
        self.waiting = list(range(trials))
        self.rungs = [{} for _ in RUNGS]  # of each rung: trial -> metric
        self.promoted = [set() for _ in RUNGS]
        self.busy = 0

    def top(self, k, number):
        return sorted(self.rungs[k], key=lambda trial: (self.rungs[k][trial], trial))[:number]

    def get_job(self):
        for k in reversed(range(len(RUNGS) - 1)):
            candidates = [trial for trial in self.top(k, len(self.rungs[k]) // REDUCTION) if trial not in self.promoted[k]]
            if candidates:
                return self.promote(candidates[0], k)
        if self.waiting:
            return self.start(self.waiting.pop(0), 0)
        if self.busy == 0 and not self.rungs[-1]:
            k = max(k for k in range(len(RUNGS)) if self.rungs[k])
            return self.promote(self.top(k, 1)[0], k)
        return None

    def promote(self, trial, k):
        self.promoted[k].add(trial)
        return self.start(trial, k + 1)

    def start(self, trial, k):
        self.busy += 1
        return trial, k

    def ended(self, trial, k, metric):
        self.busy -= 1
        self.rungs[k][trial] = metric


def plain(sweep):
    """(best metric at the end, steps) of a simulated sweep."""
    asha, events, now, steps = PlainAsha(TRIALS), [], 0.0, 0
    free = list(range(WORKERS))
    while True:
        while free:
            job = asha.get_job()
            if job is None:
                break
            trial, k = job
            more = RUNGS[k] - (RUNGS[k - 1] if k else 0)
            steps += more
            heapq.heappush(events, (now + more * sweep["seconds"][trial], free.pop(), trial, k))
        if not events:
            return min(asha.rungs[-1].values()), steps
        now, worker, trial, k = heapq.heappop(events)
        asha.ended(trial, k, sweep["metrics"][trial][k])
        free.append(worker)


def optunas(sweep, seed):
    """The same with Optuna's pruner, which ends a trial at a rung instead of pausing it there."""
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed), pruner=optuna.pruners.SuccessiveHalvingPruner(
        min_resource=RUNGS[0], reduction_factor=REDUCTION, min_early_stopping_rate=0))
    best, steps, started, events = np.inf, 0, 0, []

    def go_on(now, worker, number, trial, k):
        more = RUNGS[k] - (RUNGS[k - 1] if k else 0)
        heapq.heappush(events, (now + more * sweep["seconds"][number], worker, number, k, trial))
        return more

    for worker in range(WORKERS):
        steps += go_on(0.0, worker, started, study.ask(), 0)
        started += 1
    while events:
        now, worker, number, k, trial = heapq.heappop(events)
        metric = sweep["metrics"][number][k]
        trial.report(metric, RUNGS[k])
        if k == len(RUNGS) - 1:
            best = min(best, metric)
            study.tell(trial, metric)
        elif not trial.should_prune():
            steps += go_on(now, worker, number, trial, k + 1)
            continue
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        if started < TRIALS:
            steps += go_on(now, worker, started, study.ask(), 0)
            started += 1
    return best, steps


def make_sweep(seed):
    """Losses that fall as a power of the step to floors of their own, with noise; workers of unequal speed."""
    rng = np.random.default_rng(seed)
    floor, scale, power = rng.uniform(1, 3, TRIALS), rng.uniform(1, 4, TRIALS), rng.uniform(0.2, 1, TRIALS)
    metrics = [[floor[i] + scale[i] * rung ** -power[i] + rng.normal(0, 0.05) for rung in RUNGS] for i in range(TRIALS)]
    return {"rungs": RUNGS, "reduction": REDUCTION, "workers": WORKERS, "metrics": metrics,
            "seconds": rng.uniform(0.5, 2, TRIALS).tolist()}


def asha_is_the_papers():
    sweeps = [make_sweep(seed) for seed in range(SEEDS)]
    answer = subprocess.run([PROGRAM, "asha"], input="\n".join(map(json.dumps, sweeps)), capture_output=True, text=True,
                            check=True).stdout
    ours = np.array([[line["best"], line["steps"]] for line in map(json.loads, answer.splitlines())])
    plains = np.array([plain(sweep) for sweep in sweeps])
    check(ours.shape == (SEEDS, 2), "a simulation is missing")
    rows = {"Trireme": ours.mean(0), "plain Python": plains.mean(0)}
    rows["Optuna"] = np.mean([optunas(sweep, seed) for seed, sweep in enumerate(sweeps)], 0)
    full = TRIALS * RUNGS[-1]
    for name, (best, steps) in rows.items():
        print(f"{name:12s} mean best {best:.4f}, mean steps {steps:7.1f} ({100 * steps / full:.1f}% of {full})")
    print(f"{(ours == plains).all(1).sum()} of {SEEDS} sweeps are the same, step for step")
    check((abs(ours.mean(0) / plains.mean(0) - 1) < 0.02).all(), "more than 2% from the plain version")


sobol_is_scipys()
asha_is_the_papers()
