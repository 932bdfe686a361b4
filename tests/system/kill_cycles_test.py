"""One run that is killed again and again (SIGKILL, at moments drawn by a printed seed, to the whole job or to one rank)
ends in the same bytes as an undisturbed one. kill_cycles_test.py [CYCLES], default 5."""

import contextlib
import os
import random
import signal
import sys
import time

from support import (Workspace, check, checkpoints, make_data, rank_processes, run_file, say, session_processes,
                     step_directory, step_lines, tiny_model, without_timing)

SEED = int(os.environ.get("TRIREME_SEED", str(time.time_ns() % 2**32)))
CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 5
STEPS = 120 * CYCLES + 90  # more than all attempts together reach: a step takes some milliseconds
KEEP_EVERY = 3 * (STEPS // 15)
PATIENCE = 60 + STEPS // 5  # seconds for all steps
LAYOUT = ["--parallel.dp=2", "--parallel.zero=1"]


def run_ini(name):
    return run_file(name, model=tiny_model("llama", dropout=0.1), data={"train": "data.h5", "valid": "data.valid.h5"},
                    train={"steps": STEPS, "global_batch": 8, "micro_batch": 2},
                    optimizer={"lr": 1e-2, "warmup_steps": 3, "lr_schedule": "cosine"},
                    checkpoint={"every_steps": 3, "keep": 3, "keep_every": KEEP_EVERY},
                    log={"valid_every_steps": 7, "valid_samples": 8})


def logged(directory):
    return len(step_lines(directory)) if os.path.exists(os.path.join(directory, "metrics.jsonl")) else 0


def strike(process, victim):
    """SIGKILL; returns once nothing of the job runs any more. False when it had ended before."""
    if process.poll() is not None:
        return False
    if victim == "the job":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        ranks = rank_processes(process, int(victim[-1]))
        if not ranks:
            os.killpg(process.pid, signal.SIGKILL)  # it has not started yet
        for rank in ranks:
            os.kill(rank, signal.SIGKILL)
    process.wait(60)
    end = time.monotonic() + 60
    while (left := session_processes(process)) and time.monotonic() < end:  # ranks outlive mpirun by a second
        if victim == "the job":
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    check(not left, f"processes {left} of a killed job still run")
    return process.returncode != 0


def disturb(space, directory, rng, cycle):
    """Starts the run and kills it: while it starts, or some time after a step drawn beyond those logged."""
    before = logged(directory)
    process = space.start("train", "killed.ini", *LAYOUT, ranks=2, STEP_SECONDS=0.01)
    starting = rng.random() < 0.25
    steps = 0 if starting else rng.randint(1, 4)
    delay = rng.uniform(0.0, 0.5) if starting else rng.uniform(0.0, 0.1)
    while steps and process.poll() is None and logged(directory) < min(before + steps, STEPS - 1):
        time.sleep(0.002)
    time.sleep(delay)
    victim = rng.choice(["the job", "rank 0", "rank 1"])
    killed = strike(process, victim)
    say(f"cycle {cycle}: {victim} killed {delay:.3f} s after {'the start' if starting else f'step {before + steps}'}, "
        f"{logged(directory)} steps logged, checkpoints {checkpoints(directory) if os.path.isdir(directory) else []}")
    return killed


def main():
    say(f"seed {SEED}, {CYCLES} cycles, {STEPS} steps")
    rng = random.Random(SEED)
    with Workspace() as space:
        make_data(space)
        space.write("straight.ini", run_ini("straight"))
        space.write("killed.ini", run_ini("killed"))
        straight, killed = space / "runs/straight", space / "runs/killed"
        space.must("train", "straight.ini", *LAYOUT, ranks=2, timeout=PATIENCE)
        kills = sum(disturb(space, killed, rng, cycle) for cycle in range(1, CYCLES + 1))
        check(kills == CYCLES, f"only {kills} of {CYCLES} attempts were killed: the others ended before")
        space.must("train", "killed.ini", *LAYOUT, ranks=2, timeout=PATIENCE)
        ours, theirs = ([without_timing(line) for line in step_lines(run)] for run in (straight, killed))
        check(len(ours) == STEPS and ours == theirs, "logged numbers differ after kills and resumes")
        # One that an attempt resumed from stays longer.
        common = sorted(set(checkpoints(straight)) & set(checkpoints(killed)))
        check(len(common) >= 3 and common[-1] == STEPS, f"too few checkpoints to compare: {common}")
        for step in common:
            done = space.run("checkpoint", "diff", step_directory(straight, step), step_directory(killed, step))
            check(done.returncode == 0 and "equal, bit for bit" in done.stdout, f"step {step}:\n{done.stdout}{done.stderr}")
        say(f"{kills} kills and resumes: {STEPS} steps of logged numbers and {len(common)} checkpoints are equal bit for "
            "bit")


if __name__ == "__main__":
    main()
