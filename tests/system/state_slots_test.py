"""A run whose checkpoint has other slots than its optimizer, as another optimizer would leave them: refused in one sentence that
says what to allow, then it goes on with what is missing at zero. The checkpoint is written from the page of its format."""

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


def main():
    with Workspace() as space:
        make_data(space, words=3000)
        space.write("run.ini", run_file("run", model=tiny_model(), data={"train": "data.h5"},
                                        train={"global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                                        optimizer={"lr": 1e-3, "warmup_steps": 0}))
        run, old = space / "runs/run", step_directory(space / "runs/run", 3)
        space.must("train", "run.ini", "--train.steps=3", "--parallel.tp=2", ranks=2)
        before = rewrite(old)
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
        # From zero, one update leaves a gradient in both moments: v is the same multiple of m squared everywhere.
        ratios = np.concatenate([(after["adam_v", name][np.abs(m) > 1e-8] / m[np.abs(m) > 1e-8]**2)
                                 for (slot, name), m in after.items() if slot == "adam_m"])
        check(ratios.size > 1000 and np.ptp(ratios) < 1e-6 * ratios.mean(), f"moments did not begin at zero: {np.ptp(ratios)}")
        say(f"another optimizer's slots: refused in a sentence, then left out; {ratios.size} moments began at zero")


if __name__ == "__main__":
    main()
