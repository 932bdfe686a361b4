"""Runs that were saved in one layout and go on in another, drawn by a printed seed: the continued run equals the straight
one within the tolerances of docs/numerics.md, whatever changes in between (degrees, ZeRO, schedule, chunks, precision). resharding_cli_test.py [CASES], default 8."""

import os
import random
import shutil
import sys

import numpy as np
from layouts_cli_test import LR, STEPS, draw_layout, draw_model, words
from support import Workspace, check, logical_tensors, make_data, run_file, say, step_directory, step_lines

SEED = int(os.environ.get("TRIREME_SEED", "2916"))
CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 8
SAVED = 2
# Saved in, continued in. From fp32 to fp64, the straight run is one rank that continues in fp64 from the same file.
PRECISIONS = [("fp64", "fp64"), ("fp32", "fp64"), ("fp64", "fp64"), ("fp64", "fp32")]


def ranks_of(layout):
    return layout["parallel.tp"] * layout["parallel.pp"] * layout["parallel.dp"]


def train(space, directory, layout, steps, precision):
    options = [f"--{key}={value}" for key, value in layout.items()]
    return space.run("train", "model.ini", f"--run.dir={directory}", f"--train.steps={steps}",
                     f"--train.precision={precision}", *options, ranks=ranks_of(layout), timeout=120)


def must_train(space, directory, layout, steps, precision):
    done = train(space, directory, layout, steps, precision)
    check(done.returncode == 0, f"{words(layout)} {precision} left with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def draw_start(rng, space, precision):
    """A layout that trains the model, and its run directory, saved after step SAVED."""
    while True:
        layout = draw_layout(rng)
        done = train(space, "moved", layout, SAVED, precision)
        if done.returncode == 0:
            return layout
        check(done.returncode == 2, f"{words(layout)} left with {done.returncode}:\n{done.stdout}{done.stderr}")
        shutil.rmtree(space / "moved", ignore_errors=True)


def draw_continuation(rng, space, start, precision):
    """Another layout that goes on to the end from there."""
    while True:
        layout = draw_layout(rng)
        if layout == start:
            continue
        done = train(space, "moved", layout, STEPS, precision)
        if done.returncode == 0:
            check(f"resuming  from step {SAVED}" in done.stdout, f"{words(layout)} did not resume:\n{done.stdout}")
            return layout
        check(done.returncode == 2, f"{words(layout)} left with {done.returncode}:\n{done.stdout}{done.stderr}")


def numbers(directory):
    lines = [(line["loss"], line["grad_norm"]) for line in step_lines(directory)]
    check(len(lines) == STEPS, f"{directory} logged {len(lines)} steps")
    return lines[SAVED:]


def parameters(directory):
    state = logical_tensors(step_directory(directory, STEPS))
    return {key: value for key, value in state.items() if key[0] == "param"}


def compare(straight, moved, exact, where):
    """Largest share of what is allowed; `exact`: both continued in fp64 from the same numbers."""
    worst = 0.0
    for step, (expected, found) in enumerate(zip(numbers(straight), numbers(moved)), SAVED + 1):
        for name, a, b, allowed in zip(("loss", "norm"), expected, found, (1e-12, 1e-12) if exact else (1e-5, 1e-3)):
            worst = max(worst, abs(a - b) / (allowed * abs(a)))
            check(abs(a - b) <= allowed * abs(a), f"{where}: {name} of step {step} is {b!r}, straight {a!r}")
    ours, theirs = parameters(straight), parameters(moved)
    check(ours.keys() == theirs.keys() and len(ours) > 0, f"{where}: other tensors stored")
    # Where a gradient is near zero, rounding to fp32 decides its sign, and Adam moves by lr in each step.
    allowed = 1e-8 * LR * STEPS if exact else 2 * LR * STEPS
    for key, a in ours.items():
        difference = np.abs(a - theirs[key]).max()
        worst = max(worst, difference / allowed)
        check(difference <= allowed, f"{where}: {key} differs by {difference}, allowed {allowed}")
    return worst


def straight_run(space, before, after):
    """One rank to the end; after a change to fp64, from the same checkpoint."""
    alone = {"parallel.tp": 1, "parallel.pp": 1, "parallel.dp": 1, "train.micro_batch": 2}
    if (before, after) == ("fp32", "fp64"):
        shutil.copytree(space / "moved", space / "straight")
        must_train(space, "straight", alone, STEPS, "fp64")
    else:
        must_train(space, "straight", alone, STEPS, "fp64")


def main():
    say(f"seed {SEED}")
    rng = random.Random(SEED)
    worst = {True: 0.0, False: 0.0}
    changed = set()
    with Workspace() as space:
        make_data(space, words=3000)
        make_data(space, words=3000, name="masked", masked=True)
        for number in range(CASES):
            before, after = PRECISIONS[number % len(PRECISIONS)]
            sections = draw_model(rng, number)
            sections["optimizer"].update(warmup_steps=0, decay_steps=STEPS)  # the same with fewer steps
            del sections["train"]["dump_gradients"], sections["train"]["steps"], sections["train"]["precision"]
            space.write("model.ini", run_file("model", **sections))
            start = draw_start(rng, space, before)
            straight_run(space, before, after)
            end = draw_continuation(rng, space, start, after)
            where = f"{words(start)} {before} -> {words(end)} {after}"
            exact = after == "fp64"
            worst[exact] = max(worst[exact], compare(space / "straight", space / "moved", exact, where))
            changed |= {key for key in start if start[key] != end[key]}
            say(f"model {number + 1}: {words(sections['model'])}\n  equal {where}")
            shutil.rmtree(space / "straight")
            shutil.rmtree(space / "moved")
    for key in ("parallel.tp", "parallel.pp", "parallel.dp", "parallel.zero", "parallel.schedule", "parallel.chunks"):
        check(key in changed, f"{key} never changed: draw more cases or another seed")
    say(f"{CASES} runs saved in one layout and continued in another equal straight ones; largest shares of what is "
        f"allowed: in fp64 {worst[True]:.2g}, to fp32 {worst[False]:.2g}")


if __name__ == "__main__":
    main()
