"""A trial of sweep_kills_test.py: trains by counting, saves every step, and pauses where it is told to.

Usage: sweep_trial.py X STEPS SECONDS_PER_STEP"""

import json
import os
import sys
import time

X, STEPS, SECONDS = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
RUN = os.environ["TRIREME_RUN_DIR"]
PAUSE = int(os.environ.get("TRIREME_PAUSE_AT", STEPS))


def saved_step():
    try:
        with open(f"{RUN}/state", encoding="utf-8") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def save(step):
    with open(f"{RUN}/state.new", "w", encoding="utf-8") as file:
        file.write(str(step))
    os.replace(f"{RUN}/state.new", f"{RUN}/state")


def log(line):
    """In one write, so that a kill tears at most the last line."""
    descriptor = os.open(f"{RUN}/metrics.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (json.dumps(line) + "\n").encode())
    os.close(descriptor)


def score(step):
    return (X - 0.3) ** 2 + 1 / step


if saved_step() > 0:  # a kill after the save may have cost the line that says so, and the step's own with it
    log({"step": saved_step(), "steps": STEPS, "saved_step": saved_step(), "score": score(saved_step())})
for step in range(saved_step() + 1, min(PAUSE, STEPS) + 1):
    time.sleep(SECONDS)
    # The measurement first: a step that is saved must never lack it. That it is saved is said by the next line.
    log({"step": step, "steps": STEPS, "saved_step": step - 1, "score": score(step)})
    save(step)
    log({"step": step, "steps": STEPS, "saved_step": step})
sys.exit(75 if PAUSE < STEPS else 0)
