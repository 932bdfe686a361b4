"""A run whose checkpoint has other slots than its optimizer, as another optimizer would leave them: refused in one sentence that
says what to allow, then it goes on with what is missing at zero, and corrected as new, also after a pause. The checkpoint is written from the page of its format."""

import json
import os
import shutil
import sys

import numpy as np
from support import (SOURCE, Workspace, boxes, causes, check, logical_tensors, make_data, run_file, say, step_directory,
                     step_lines, tiny_model)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import checkpoint_writer  # noqa: E402

ALLOW = "slot:adam_m,slot:adam_v,slot:momentum"


def rewrite(directory):
    """The same weights, step and position, with a slot "momentum" instead of AdamW's moments."""
    state = logical_tensors(directory)
    with open(os.path.join(directory, "MANIFEST.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    other = {("momentum" if slot == "adam_m" else slot, name): values
             for (slot, name), values in state.items() if slot != "adam_v"}
    shutil.rmtree(directory)
    kept = {key: manifest[key] for key in ("run_id", "attempt", "job", "layout", "cursor", "extra")}
    checkpoint_writer.write_checkpoint(directory, other, manifest["options"], manifest["step"], **kept)
    return state


def check_refused(done, directory):
    sentence = causes(done.stderr)[-1]
    check(done.returncode == 2 and len(causes(done.stderr)) == 1, f"resumed, or said more: {done.stdout}{done.stderr}")
    for words in ("has no slot adam_m, slot adam_v (of ", " it has param, momentum)", "no place for slot momentum: ",
                  f"checkpoint.allow = {ALLOW} begins what is missing at its initial values"):
        check(words in sentence, f"'{words}' is not in: {sentence}")
    check(os.path.isdir(step_directory(directory, 3)), "a checkpoint that does not fit was set aside as if it were damaged")


def check_first_update(before, after, lr):
    """A new AdamW moves every element that has a gradient by lr, whatever the gradient is; norms do not decay."""
    moved = np.concatenate([np.abs(after["param", name] - values)[np.abs(after["adam_m", name]) > 1e-6]
                            for (slot, name), values in before.items() if slot == "param" and "norm" in name])
    check(moved.size > 50, f"only {moved.size} elements have gradients")
    check(np.abs(moved / lr - 1).max() < 1e-2, f"the first update is {moved.min()} to {moved.max()}, not {lr}")


def check_pause(space, run, words):
    """The count of the new moments is in the checkpoint: a pause makes no difference."""
    other = space / "runs/paused"
    shutil.copytree(run, other)
    words = [*words, "--train.steps=8", "--parallel.tp=1"]
    space.must("train", f"{run}/run.ini", *words)
    done = space.run("train", f"{other}/run.ini", *words, "--run.pause_at=5")
    check(done.returncode == 75, f"did not pause: {done.stdout}{done.stderr}")
    space.must("train", f"{other}/run.ini", *words[1:])
    ours, theirs = (logical_tensors(step_directory(one, 8)) for one in (run, other))
    check(all(np.array_equal(ours[key], theirs[key]) for key in ours), "a pause after the change makes a difference")


def main():
    with Workspace() as space:
        make_data(space, words=3000)
        space.write("run.ini", run_file("run", model=tiny_model(), data={"train": "data.h5"},
                                        train={"global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                                        optimizer={"lr": 1e-3, "warmup_steps": 0, "lr_schedule": "constant"}))
        run, old = space / "runs/run", step_directory(space / "runs/run", 3)
        space.must("train", "run.ini", "--train.steps=3", "--parallel.tp=2", ranks=2)
        before = rewrite(old)
        shutil.copytree(run, space / "runs/straight")
        space.must("checkpoint", "verify", "--deep", old)
        check("momentum" in space.must("checkpoint", "inspect", old).stdout, "inspect does not list the slot")
        check({slot for slot, _, _ in boxes(old)} == {"param", "momentum"}, "the checkpoint was not rewritten")

        check_refused(space.run("train", "run.ini", "--train.steps=4"), run)
        done = space.must("train", "run.ini", "--train.steps=4", f"--checkpoint.allow={ALLOW},slot:ema,slot:param,head.x",
                          "--parallel.dp=2", "--parallel.zero=1", ranks=2)
        said = done.stdout
        for line in ("initial   slot adam_m: not in the checkpoint", "initial   slot adam_v: not in the checkpoint",
                     "left out  slot momentum: not in the model"):
            check(line in said, f"'{line}' is not in:\n{said}")
        for line in ("checkpoint.allow: slot:ema names no slot, neither of the checkpoint nor of this run's optimizers",
                     "checkpoint.allow: slot:param allows nothing: parameters are allowed by their own names",
                     "checkpoint.allow: head.x names no tensor, neither of the checkpoint nor of the model"):
            check(line in done.stderr + said, f"'{line}' is not in:\n{done.stderr}{said}")
        check([line["step"] for line in step_lines(run)] == [1, 2, 3, 4], "the resumed run logged other steps")
        after = logical_tensors(step_directory(run, 4))
        check(after.keys() == before.keys(), "the run saves other tensors than before")
        check_first_update(before, after, 1e-3)
        check_pause(space, space / "runs/straight", [f"--checkpoint.allow={ALLOW}"])
        # From zero, one update leaves a gradient in both moments: v is the same multiple of m squared everywhere.
        ratios = np.concatenate([(after["adam_v", name][np.abs(m) > 1e-8] / m[np.abs(m) > 1e-8]**2)
                                 for (slot, name), m in after.items() if slot == "adam_m"])
        check(ratios.size > 1000 and np.ptp(ratios) < 1e-6 * ratios.mean(), f"moments did not begin at zero: {np.ptp(ratios)}")
        say(f"another optimizer's slots: refused in a sentence, then left out; {ratios.size} moments began at zero")


if __name__ == "__main__":
    main()
