"""A global batch whose targets are all masked updates nothing and is counted: the training goes on, whatever the layout,
and a resumed one counts Adam's steps as an undisturbed one does."""

import json
import random

import numpy as np
from support import Workspace, boxes, check, english, logical_tensors, make_data, metrics, run_file, say, step_directory
from support import step_lines, tiny_model, without_timing

STEPS, SEED, LR = 16, 4, 1e-3


def write_data(space):
    """Long prompts and short answers: most samples of 16 tokens hold no target."""
    make_data(space, words=300)  # for its tokenizer
    rng = random.Random(3)
    lines = [json.dumps({"question": english(40, rng.random()), "text": "Yes."}) for _ in range(60)]
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "masked.h5", "--prompt-field",
               "question", space.write("masked.jsonl", "\n".join(lines) + "\n"))


def skipped(directory):
    return {line["step"]: line["skipped_steps"] for line in metrics(directory) if "skipped_steps" in line}


def main():
    with Workspace() as space:
        write_data(space)
        space.write("run.ini", run_file(
            "run", model=tiny_model(), data={"train": "masked.h5"},
            train={"steps": STEPS, "global_batch": 2, "micro_batch": 1, "precision": "fp64"},
            optimizer={"lr": LR, "lr_schedule": "constant", "warmup_steps": 0, "weight_decay": 0, "clip": 0},
            checkpoint={"every_steps": 1, "keep": STEPS, "async": "false"}))
        seed = f"--run.seed={SEED}"
        said = space.must("train", "run.ini", seed, "--run.dir=straight").stdout
        without = skipped(space / "straight")
        check(list(without) == sorted(without) and list(without.values()) == list(range(1, len(without) + 1)), without)
        check(1 in without and 2 <= len(without) < STEPS - 2, f"the seed no longer gives what is tested: {without}")
        check(said.count("has no token to predict") == len(without), said)
        updates = [step for step in range(1, STEPS + 1) if step not in without]
        check([line["step"] for line in step_lines(space / "straight")] == updates, "a step is missing in the metrics")

        state = {step: logical_tensors(step_directory(space / "straight", step)) for step in range(1, STEPS + 1)}
        for step in range(2, STEPS + 1):
            same = all(np.array_equal(state[step][key], state[step - 1][key]) for key in state[step])
            check(same == (step in without), f"step {step}: {'changed' if step in without else 'did not change'} the state")
        # Adam's first update moves an element by lr at most, and most of them by nearly that, however many steps were
        # skipped before; with bias corrections of a later step it would be 0.74 of it.
        first = updates[0]
        moved = max(np.abs(state[first][key] - state[first - 1][key]).max() for key in state[first] if key[0] == "param")
        check(abs(moved - LR) <= 1e-3 * LR, f"the first update moved a parameter by {moved}, not by {LR}")

        half = updates[len(updates) // 2]
        space.must("train", "run.ini", seed, "--run.dir=halves", f"--train.steps={half}")
        space.must("train", "run.ini", seed, "--run.dir=halves")
        ours, theirs = ([without_timing(line) for line in metrics(space / name)] for name in ("halves", "straight"))
        check(ours == theirs, f"resumed at step {half}: other lines than in one go")
        ours, theirs = (boxes(step_directory(space / name, STEPS)) for name in ("halves", "straight"))
        check(ours.keys() == theirs.keys() and all(np.array_equal(ours[key][1], theirs[key][1]) for key in ours),
              f"resumed at step {half}: another state than in one go")

        space.must("train", "run.ini", seed, "--run.dir=dp2", "--parallel.dp=2", ranks=2)
        check(skipped(space / "dp2") == without, f"dp2 skipped {skipped(space / 'dp2')}")
        for a, b in zip(step_lines(space / "dp2"), step_lines(space / "straight"), strict=True):
            check(abs(a["loss"] - b["loss"]) <= 1e-12 * b["loss"], f"dp2: {a} {b}")
        say(f"{len(without)} of {STEPS} steps without a target changed nothing; resumed and dp2 as in one go")


if __name__ == "__main__":
    main()
