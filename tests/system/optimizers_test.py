"""Runs with each optimizer that are killed or pause, and resume: bit for bit in the same layout, within the documented
tolerance in another one. What another optimizer finds in a checkpoint is refused, or left out when the run says so."""

import numpy as np
from resume_test import kill_at, lines_of, same_bits
from support import Workspace, boxes, check, logical_tensors, make_data, run_file, say, step_directory, tiny_model

STEPS, PAUSE, LR = 8, 4, 1e-2
LAYOUT = ["--parallel.tp=2", "--parallel.dp=2", "--parallel.zero=1"]
SLOTS = {"muon": {"param", "muon_momentum", "adam_m", "adam_v"}, "sgd": {"param", "sgd_momentum"},
         "lion": {"param", "lion_momentum"}}


def write(space, run, optimizer, precision="fp64"):
    space.write(f"{run}.ini", run_file(
        run, model=tiny_model("llama", dropout=0.1), data={"train": "data.h5"},
        train={"steps": STEPS, "global_batch": 8, "micro_batch": 2, "precision": precision},
        optimizer={"name": optimizer, "lr": LR, "warmup_steps": 2, "lr_schedule": "cosine"},
        checkpoint={"every_steps": 2, "keep": 4}))
    return space / f"runs/{run}"


def stored_slots(step):
    return {slot for slot, _, _ in boxes(step)}


def paused_and_resumed(space, optimizer, precision):
    straight = write(space, f"{optimizer}-{precision}", optimizer, precision)
    paused = write(space, f"{optimizer}-{precision}-paused", optimizer, precision)
    space.must("train", f"{optimizer}-{precision}.ini", *LAYOUT, ranks=4)
    name = f"{optimizer}-{precision}-paused.ini"
    done = space.run("train", name, *LAYOUT, f"--run.pause_at={PAUSE}", ranks=4)
    check(done.returncode == 75, f"a paused run left with {done.returncode}:\n{done.stdout}{done.stderr}")
    space.must("train", name, *LAYOUT, ranks=4)
    check(len(lines_of(straight)) == STEPS, "the straight run did not log every step")
    check(lines_of(straight) == lines_of(paused), f"{optimizer}: logged numbers differ after a resume")
    count = same_bits(step_directory(straight, STEPS), step_directory(paused, STEPS))
    found = stored_slots(step_directory(straight, STEPS))
    check(found == SLOTS[optimizer], f"{optimizer}: the checkpoint holds the slots {sorted(found)}")
    say(f"{optimizer} in {precision}: {count} stored boxes identical bit for bit after a resume; slots {sorted(found)}")
    return straight


def moved(space, optimizer, straight):
    other = write(space, f"{optimizer}-moved", optimizer)
    space.run("train", f"{optimizer}-moved.ini", *LAYOUT, f"--run.pause_at={PAUSE}", ranks=4)
    space.must("train", f"{optimizer}-moved.ini", "--parallel.pp=2", "--parallel.dp=1", ranks=2)
    for a, b in zip(lines_of(straight), lines_of(other), strict=True):
        for key in ("loss", "grad_norm"):
            check(abs(a[key] - b[key]) <= 1e-11 * abs(a[key]), f"{optimizer}: {key} of step {a['step']}: {a[key]} {b[key]}")
    ours = logical_tensors(step_directory(straight, STEPS))
    theirs = logical_tensors(step_directory(other, STEPS))
    check(ours.keys() == theirs.keys(), f"{optimizer}: other tensors after the move")
    worst = max(np.abs(value - theirs[key]).max() for key, value in ours.items() if key[0] == "param")
    check(worst <= 1e-8 * LR * STEPS, f"{optimizer}: parameters differ by {worst} after the move")
    say(f"{optimizer}: went on as pp2, parameters equal to {worst:.1e}")


def killed(space, straight):
    run = write(space, "muon-killed", "muon")
    process = space.start("train", "muon-killed.ini", *LAYOUT, ranks=4, STEP_SECONDS=0.1)
    check(kill_at(process, run, PAUSE, 0.05), "the run ended before it was killed")
    space.must("train", "muon-killed.ini", *LAYOUT, ranks=4)
    check(lines_of(straight) == lines_of(run), "logged numbers differ after a kill")
    same_bits(step_directory(straight, STEPS), step_directory(run, STEPS))
    say("muon: killed by SIGKILL and resumed, identical bit for bit")


def another_optimizer(space):
    """A run of SGD that would go on with Lion."""
    done = space.run("train", "sgd-fp64.ini", "--optimizer.name=lion", f"--train.steps={STEPS + 1}")
    check(done.returncode == 2 and "optimizer.name = lion" in done.stderr and "sgd" in done.stderr,
          f"another optimizer: {done.returncode}\n{done.stdout}{done.stderr}")
    done = space.must("train", "sgd-fp64.ini", "--optimizer.name=lion", f"--train.steps={STEPS + 1}",
                      "--checkpoint.allow=slot:sgd_momentum,slot:lion_momentum")
    found = stored_slots(step_directory(space / "runs/sgd-fp64", STEPS + 1))
    check(found == SLOTS["lion"], f"after the change the checkpoint holds {sorted(found)}")
    done = space.run("train", "sgd-fp64.ini", "--optimizer.name=adamw", "--optimizer.momentum=0.5")
    check(done.returncode == 2 and "optimizer.momentum" in done.stderr, f"momentum of AdamW: {done.stderr}")
    say("another optimizer is refused, and goes on without the old slots when the run says so")


def main():
    with Workspace() as space:
        make_data(space)
        for optimizer in SLOTS:
            straight = paused_and_resumed(space, optimizer, "fp64")
            if optimizer != "lion":
                moved(space, optimizer, straight)
            if optimizer == "muon":
                killed(space, straight)
                paused_and_resumed(space, optimizer, "bf16")
        another_optimizer(space)


if __name__ == "__main__":
    main()
