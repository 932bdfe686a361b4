"""Kill and resume: 20 steps straight against 20 steps with SIGKILL at moments drawn by a printed seed, bit for bit in the same layout,
within the documented tolerance in another one. resume_test.py [KILLS], default 2."""

import os
import random
import signal
import sys
import time

import numpy as np
from support import (Workspace, boxes, check, checkpoints, logical_tensors, make_data, run_file, say, step_directory,
                     step_lines, tiny_model, without_timing)

SEED = int(os.environ.get("TRIREME_SEED", str(time.time_ns() % 2**32)))
STEPS = 20
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
LAYOUT = ["--parallel.tp=2", "--parallel.pp=2"]


def run_ini(name, arch):
    return run_file(name, model=tiny_model(arch, dropout=0.1),
                    data={"train": "data.h5", "valid": "data.valid.h5"},
                    train={"steps": STEPS, "global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                    optimizer={"lr": 1e-2, "warmup_steps": 3, "lr_schedule": "cosine"},
                    checkpoint={"every_steps": 3, "keep": 3},
                    log={"valid_every_steps": 5, "valid_samples": 8})


def kill_at(process, directory, step, delay):
    """SIGKILL to mpirun and its ranks, `delay` seconds after the run logged `step`; False when it ended before."""
    while process.poll() is None:
        if os.path.exists(os.path.join(directory, "metrics.jsonl")) and len(step_lines(directory)) >= step:
            break
        time.sleep(0.005)
    time.sleep(delay)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its ranks outlive it by a moment: the next start waits for them
    process.wait()
    return process.returncode == -signal.SIGKILL


def lines_of(directory):
    return [without_timing(line) for line in step_lines(directory)]


def same_bits(one, other):
    first, second = boxes(one), boxes(other)
    check(first.keys() == second.keys(), f"{other} stores other boxes than {one}")
    for key, (shape, data) in first.items():
        check(second[key][0] == shape and second[key][1].tobytes() == data.tobytes(), f"{key} differs in {other}")
    return len(first)


def main():
    say(f"seed {SEED}")
    rng = random.Random(SEED)
    with Workspace() as space:
        make_data(space)
        for arch in ("llama", "gpt2"):
            space.write("straight.ini", run_ini(f"straight-{arch}", arch))
            space.write("killed.ini", run_ini(f"killed-{arch}", arch))
            straight, killed = space / f"runs/straight-{arch}", space / f"runs/killed-{arch}"
            space.must("train", "straight.ini", *LAYOUT, ranks=4)
            kills = 0
            for step in sorted(rng.sample(range(0, STEPS - 5), KILLS)):
                process = space.start("train", "killed.ini", *LAYOUT, ranks=4, STEP_SECONDS=0.1)
                delay = rng.uniform(0.0, 0.15)
                kills += kill_at(process, killed, step, delay)
                say(f"{arch}: killed {delay:.3f} s after step {step}, "
                    f"checkpoints {checkpoints(killed) if os.path.isdir(killed) else []}")
            check(kills == KILLS, f"{kills} of {KILLS} attempts were killed: the others ended before their moment")
            space.must("train", "killed.ini", *LAYOUT, ranks=4)
            check(len(lines_of(straight)) == STEPS, "the straight run did not log every step")
            check(lines_of(straight) == lines_of(killed), "logged numbers differ after kills and resumes")
            count = same_bits(step_directory(straight, STEPS), step_directory(killed, STEPS))
            say(f"{arch}: {kills} kills, {STEPS} steps of logged numbers and {count} stored boxes identical bit for bit")

            # Another layout from step 9 on: within the tolerance of docs/numerics.md.
            space.write("moved.ini", run_ini(f"moved-{arch}", arch))
            space.must("train", "moved.ini", *LAYOUT, "--train.steps=9", "--optimizer.decay_steps=17", ranks=4)
            space.must("train", "moved.ini", "--parallel.pp=2", "--parallel.dp=2", "--parallel.zero=1", ranks=4)
            reference, moved = lines_of(straight), lines_of(space / f"runs/moved-{arch}")
            for a, b in zip(reference, moved):
                check(a["samples"] == b["samples"] and a["lr"] == b["lr"], f"position or lr differs at step {a['step']}")
                for key in ("loss", "grad_norm"):
                    check(abs(a[key] - b[key]) <= 1e-11 * abs(a[key]), f"{key} differs at step {a['step']}: {a[key]} {b[key]}")
            ours = logical_tensors(step_directory(straight, STEPS))
            theirs = logical_tensors(step_directory(space / f"runs/moved-{arch}", STEPS))
            check(ours.keys() == theirs.keys(), "other tensors after the move")
            for (kind, tensor), value in ours.items():
                if kind == "param":
                    difference = np.abs(value - theirs[(kind, tensor)]).max()
                    check(difference <= 1e-8 * 1e-2 * STEPS, f"{tensor} differs by {difference} after the move")
            say(f"{arch}: resumed as pp2·dp2 with zero 1, equal within tolerance")


if __name__ == "__main__":
    main()
