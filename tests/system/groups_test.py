"""Groups of tensors: frozen ones and ones with an optimizer of their own, with a SIGKILL in between and in another layout."""

import os
import signal

import numpy as np

from support import (Workspace, check, checkpoints, logical_tensors, make_data, run_file, say, step_directory, step_lines,
                     tiny_model, wait_until, without_timing)

STEPS = 12
GROUPS = {"group.still": {"match": "embed.*, layers.0.*", "frozen": "true"},
          "group.attention": {"match": "layers.*.attention.*", "optimizer": "sgd", "lr_scale": 2, "weight_decay": 0},
          "group.head": {"match": "head.weight", "lr_scale": 0.5}}


def write(space, name):
    space.write(f"{name}.ini", run_file(name, model=tiny_model(layers=3, dropout=0.1), data={"train": "data.h5"},
                                        train={"steps": STEPS, "global_batch": 4, "micro_batch": 1, "precision": "fp64"},
                                        optimizer={"lr": 1e-2, "warmup_steps": 3}, checkpoint={"every_steps": 2, "keep": 20},
                                        **GROUPS))
    return f"{name}.ini", space / f"runs/{name}"


def still(tensor):
    return tensor == "embed.tokens" or tensor.startswith("layers.0.")


def check_slots(directory):
    """A frozen tensor has its values only, and keeps them; the others have what their optimizer keeps."""
    first, last = (logical_tensors(step_directory(directory, step)) for step in (2, STEPS))
    slots = {}
    for slot, tensor in last:
        slots.setdefault(tensor, set()).add(slot)
    check(any(still(tensor) for tensor in slots), "nothing is frozen")
    for tensor, found in slots.items():
        attention = ".attention." in tensor
        wanted = {"param"} if still(tensor) else {"param", "sgd_momentum"} if attention else {"param", "adam_m", "adam_v"}
        check(found == wanted, f"{tensor} has {found}")
        same = np.array_equal(first["param", tensor], last["param", tensor])
        check(same == still(tensor), f"{tensor}: the same after {STEPS} steps: {same}")


def killed_and_resumed(space, straight):
    ini, run = write(space, "killed")
    process = space.start("train", ini, "--parallel.tp=2", ranks=2, STEP_SECONDS=0.3)
    wait_until(lambda: os.path.exists(os.path.join(run, "metrics.jsonl")) and
               any(line["step"] >= 5 for line in step_lines(run)), process, "step 5")
    os.killpg(process.pid, signal.SIGKILL)
    check(process.wait() == -signal.SIGKILL and STEPS not in checkpoints(run), "the attempt ended before it was killed")
    space.must("train", ini, "--parallel.tp=2", ranks=2)
    check([without_timing(line) for line in step_lines(run)] == [without_timing(line) for line in step_lines(straight)],
          "the numbers after a kill are others")
    ours, theirs = (logical_tensors(step_directory(one, STEPS)) for one in (run, straight))
    check(ours.keys() == theirs.keys() and all(np.array_equal(ours[key], theirs[key]) for key in ours), "the state is another")


def in_another_layout(space, straight):
    ini, run = write(space, "moved")
    done = space.run("train", ini, "--parallel.tp=2", "--run.pause_at=6", ranks=2)
    check(done.returncode == 75, done.stdout + done.stderr)
    space.must("train", ini, "--parallel.zero=1", ranks=2)
    for ours, theirs in zip(step_lines(run), step_lines(straight), strict=True):
        check(abs(ours["loss"] - theirs["loss"]) <= 1e-9 * theirs["loss"], f"step {ours['step']}: {ours['loss']}")


def refused(space, straight):
    for words, holds in ((["--group.head.match=heads.*"], "group.head.match: heads.* matches no tensor"),
                         (["--group.head.optimizer=lion"], "the checkpoint has no slot lion_momentum (of head.weight it has param, adam_m"),
                         (["--group.more.match=embed.*"], "put [group.more] in front")):
        done = space.run("train", straight + "/run.ini", "--train.steps=14", *words, ranks=2)
        check(done.returncode == 2 and holds in done.stderr, f"{words}: {done.returncode} {done.stderr}")


def renamed(space, straight):
    """Another name, and the optimizer that a group has anyway, change no number."""
    ini, run = write(space, "plain")
    done = space.run("train", ini, "--parallel.tp=2", "--run.pause_at=6", ranks=2)
    check(done.returncode == 75, done.stdout + done.stderr)
    with open(space / ini, encoding="utf-8") as file:
        text = file.read()
    space.write(ini, text.replace("[group.attention]", "[group.heads]"))
    space.must("train", ini, "--parallel.tp=2", "--group.head.optimizer=adamw", ranks=2)
    check([without_timing(line) for line in step_lines(run)] == [without_timing(line) for line in step_lines(straight)],
          "a group with another name trains in another way")


def main():
    with Workspace() as space:
        make_data(space)
        ini, straight = write(space, "straight")
        space.must("train", ini, "--parallel.tp=2", ranks=2)
        check(step_lines(straight)[-1]["loss"] < step_lines(straight)[0]["loss"], "it does not learn")
        check_slots(straight)
        killed_and_resumed(space, straight)
        in_another_layout(space, straight)
        renamed(space, straight)
        refused(space, straight)
        say("groups: slots, a kill, another layout and refusals are as they must be")


if __name__ == "__main__":
    main()
