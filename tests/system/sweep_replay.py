"""Replays the log of a sweep of sweep_trial.py and checks it event by event: every trial is accounted for, no promotion is
lost or doubled, and what the log says of a trial is what the trial measured."""

import json

from support import check

STEPS, REDUCTION, RUNGS = 9, 3, [1, 3, 9]


def read_log(directory):
    try:
        with open(f"{directory}/sweep.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


class Replay:
    def __init__(self):
        self.rungs = [{} for _ in RUNGS]
        self.claimed, self.released = {}, set()

    def top(self, rung):
        """The trials that were to be promoted from a rung."""
        results = self.rungs[rung]
        return sorted(results, key=lambda trial: (results[trial], trial))[:len(results) // REDUCTION]

    def take(self, event):
        kind, trial = event["event"], event.get("trial")
        if kind == "claim":
            rung = event["rung"]
            check(trial not in self.claimed, f"trial {trial} was given to two workers")
            check(rung == 0 or trial in self.rungs[rung - 1], f"trial {trial} skipped a rung")
            check(trial not in self.rungs[rung], f"trial {trial} was promoted to rung {rung} twice")
            if rung > 0 and trial not in self.released:
                last = not self.rungs[-1] and not self.claimed
                check(trial in self.top(rung - 1) or last, f"trial {trial} was promoted out of turn")
            self.claimed[trial] = rung
        elif kind == "result":
            check(self.claimed.pop(trial) == event["rung"], f"trial {trial} has a result that it was not told to make")
            check(trial not in self.rungs[event["rung"]], f"trial {trial} has two results at one rung")
            self.rungs[event["rung"]][trial] = event["metric"]
            self.released.discard(trial)
        elif kind == "released":
            self.claimed.pop(trial)
            self.released.add(trial)
        else:
            check(kind in ("sweep", "trial", "left", "parked", "unparked"), f"event {event}")


def check_end(directory, trials):
    """Of a sweep that is over; how many trials were measured at each rung."""
    replay = Replay()
    for event in read_log(directory):
        replay.take(event)
    check(not replay.claimed and not replay.released, "a trial was left behind")
    check(len(replay.rungs[0]) == trials, f"{len(replay.rungs[0])} of {trials} trials have a result")
    for rung in range(len(RUNGS) - 1):
        lost = [trial for trial in replay.top(rung) if trial not in replay.rungs[rung + 1]]
        check(not lost, f"trials {lost} should have been promoted from rung {rung}")
    for rung, results in enumerate(replay.rungs):
        for trial, metric in results.items():
            with open(f"{directory}/trial_{trial}/metrics.jsonl", encoding="utf-8") as file:
                lines = {line["step"]: line["score"] for line in map(json.loads, file) if "score" in line}
            check(lines[RUNGS[rung]] == metric, f"trial {trial} measured {lines[RUNGS[rung]]} at step {RUNGS[rung]}")
            check(all(step in lines for step in range(1, RUNGS[rung] + 1)), f"trial {trial} lost a step")
    return [len(results) for results in replay.rungs]
