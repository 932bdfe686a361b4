"""The fast tier on one node: what a killed run goes on from, what it leaves, and what is refused. Lost nodes are in
tests/slurm (node_killed_fast)."""

import glob
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support import (SHM, Workspace, attempts, causes, check, checkpoints, make_data, rank_process, run_file, say,
                     session_processes, step_lines, tiny_model, wait_until, without_timing)

STEPS, EVERY, FAST_EVERY = 150, 50, 3


def run_ini(name, fast, **more):
    return run_file(name, model=tiny_model(), data={"train": "data.h5"},
                    train={"steps": STEPS, "global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                    optimizer={"lr": 1e-2},
                    checkpoint={"every_steps": EVERY, "fast_dir": fast, "fast_every_steps": FAST_EVERY, **more})


def left_in(fast):
    return glob.glob(f"{fast}/trireme-*")


def killed_run(space, name, fast, rng):
    """A run that was killed between two checkpoints of its run directory; that directory."""
    directory = space / f"runs/{name}"
    space.write(f"{name}.ini", run_ini(name, fast))
    process = space.start("train", f"{name}.ini", "--parallel.tp=2", ranks=2, STEP_SECONDS=0.03)
    step = rng.randrange(EVERY + 10, 2 * EVERY - 10)
    wait_until(lambda: os.path.exists(f"{directory}/metrics.jsonl") and len(step_lines(directory)) >= step, process,
               f"step {step}")
    os.kill(rank_process(process, 1), signal.SIGKILL)
    check(process.wait(timeout=60) != 0, f"{name} ended before its kill")
    while session_processes(process):  # ranks may outlive mpirun by a moment
        time.sleep(0.05)
    check(left_in(fast), f"{name} left nothing in {fast}")
    return directory


def first_step(directory):
    return [line["first_step"] for line in attempts(directory) if line["event"] == "start"][-1]


def lines_of(directory):
    return [without_timing(line) for line in step_lines(directory)]


def goes_on(space, fast, rng):
    """Killed, then in the same layout: from the fast tier, and the same bits as the run that nobody killed."""
    space.write("straight.ini", run_ini("straight", ""))
    space.must("train", "straight.ini", "--parallel.tp=2", ranks=2)
    directory = killed_run(space, "killed", fast, rng)
    saved = checkpoints(directory)[-1]
    done = space.must("train", "killed.ini", "--parallel.tp=2", ranks=2)
    check("from the fast tier" in done.stdout, done.stdout)
    resumed = first_step(directory)
    check(resumed > saved and resumed % FAST_EVERY == 0, f"resumed from {resumed}, newest in the run directory {saved}")
    check(lines_of(directory) == lines_of(space / "runs/straight"), "logged numbers differ from the straight run's")
    check(not left_in(fast), f"the run is done, and left {left_in(fast)}")
    say(f"killed; in the run directory step {saved}, in the fast tier {resumed}: all {STEPS} steps as in one go")


def another_layout(space, fast, rng):
    directory = killed_run(space, "moved", fast, rng)
    done = space.must("train", "moved.ini", "--parallel.pp=2", ranks=2)
    check("from the fast tier" in done.stdout, done.stdout)
    for ours, straight in zip(lines_of(directory), lines_of(space / "runs/straight"), strict=True):
        check(abs(ours["loss"] - straight["loss"]) <= 1e-9 * straight["loss"], f"step {ours['step']}: {ours} {straight}")
    say(f"tp2 to pp2 from step {first_step(directory)} of the fast tier")


def lost(space, fast, rng):
    directory = killed_run(space, "lost", fast, rng)
    for path in left_in(fast):
        subprocess.run(["rm", "-r", path], check=True)
    done = space.must("train", "lost.ini", "--parallel.tp=2", ranks=2)
    check("from the fast tier" not in done.stdout and first_step(directory) == EVERY, done.stdout)
    say("without its fast tier the run goes on from the run directory")


def damaged(space, fast, rng):
    directory = killed_run(space, "damaged", fast, rng)
    (shard,) = glob.glob(f"{left_in(fast)[0]}/checkpoints/step_*/node_0/shard_0.h5")
    with open(shard, "r+b") as file:
        file.seek(os.path.getsize(shard) // 2)
        file.write(bytes(64 << 10))
    done = space.must("train", "damaged.ini", "--parallel.tp=2", ranks=2)
    check("trying the next older one" in done.stdout + done.stderr and first_step(directory) == EVERY, done.stdout)
    check(checkpoints(directory)[-1] == STEPS, "the damage of the fast tier touched the run directory")
    say("a damaged fast tier gives way to the run directory")


def nothing_left(space, fast):
    """Killed before its first save in the run directory, with a damaged fast tier: it begins anew, and says so."""
    space.write("anew.ini", run_ini("anew", fast, every_steps=10 * STEPS))
    process = space.start("train", "anew.ini", ranks=2, STEP_SECONDS=0.03)
    directory = space / "runs/anew"
    wait_until(lambda: os.path.exists(f"{directory}/metrics.jsonl") and len(step_lines(directory)) >= EVERY, process, EVERY)
    os.kill(rank_process(process, 1), signal.SIGKILL)
    process.wait(timeout=60)
    while session_processes(process):
        time.sleep(0.05)
    (boxes,) = glob.glob(f"{left_in(fast)[0]}/checkpoints/step_*/BOXES.bin")
    os.truncate(boxes, 100)
    done = space.must("train", "anew.ini", ranks=2)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "no checkpoint of it is left" in line]
    check(len(said) == 1 and first_step(directory) == 0, done.stdout + done.stderr)
    check(lines_of(directory)[-1]["step"] == STEPS, "the run that began anew did not end")
    say(f"  {said[0]}")


def kept_by_site(space, fast):
    """Whether later jobs look there is the site's to say, unless the run does."""
    site = Path(os.environ["TRIREME_SOURCE"], "examples/site-lab.ini").read_text()
    keeps = site.replace("node_directories_persist = no ", "node_directories_persist = yes")
    check(keeps != site, "examples/site-lab.ini has no node_directories_persist = no")
    space.write("forgets.ini", site)
    space.write("keeps.ini", keeps)
    space.write("sited.ini", run_ini("sited", fast))
    for file, words, persists in (("keeps.ini", [], True), ("forgets.ini", [], False),
                                  ("keeps.ini", ["--checkpoint.fast_persists=false"], False),
                                  ("keeps.ini", ["--checkpoint.fast_dir="], False)):
        script = space.must("submit", "sited.ini", "--site", file, "--dry-run", *words).stdout
        check(("--checkpoint.fast_persists=true" in script) == persists, f"{file} {words}:\n{script}")
    say("a site whose node directories outlive jobs has later jobs look there")
    space.write("seldom.ini", site.replace("queue_seconds = 60 ", "queue_seconds = 300 "))
    for words, handed_on in (([], True), (["--slurm.queue_seconds=600"], False)):
        script = space.must("submit", "sited.ini", "--site", "seldom.ini", "--dry-run", *words).stdout
        check(("--slurm.queue_seconds=300" in script) == handed_on, f"{words}:\n{script}")
    say("a site that bears a question in five minutes is asked no more often")


def refused(space, fast):
    space.write("refused.ini", run_ini("refused", "relative/path"))
    done = space.run("train", "refused.ini", ranks=2)
    check(done.returncode == 2 and "checkpoint.fast_dir" in causes(done.stderr)[0], done.stderr)
    done = space.run("train", "refused.ini", "--checkpoint.fast_dir=/proc/none", ranks=2)
    check(done.returncode == 2 and "/proc/none" in causes(done.stderr)[0], done.stderr)
    say(f"  {causes(done.stderr)[0]}")


def too_small(space):
    """Refused before the first step; where that is overridden, the training goes on without a fast tier."""
    small = tempfile.mkdtemp(prefix="trireme-small-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True, check=False).returncode:
        say("  a fast tier that is too small: SKIPPED here, mounting a tmpfs is not allowed")
        return
    try:
        space.write("small.ini", run_ini("small", small))
        done = space.run("train", "small.ini", "--parallel.tp=2", ranks=2)
        check(done.returncode == 2 and len(causes(done.stderr)) == 1, done.stderr)
        check("checkpoint.fast_dir" in causes(done.stderr)[0], done.stderr)
        say(f"  {causes(done.stderr)[0]}")
        done = space.must("train", "small.ini", "--parallel.tp=2", "--checkpoint.preflight=false", ranks=2)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "No space left" in line]
        check(len(said) == 1 and "fast tier" in said[0], f"said {len(said)} times:\n{done.stdout}{done.stderr}")
        check(checkpoints(space / "runs/small")[-1] == STEPS, "the run directory has no last step")
        say(f"  {said[0]}")
    finally:
        subprocess.run(["umount", "-l", small], check=True)
        os.rmdir(small)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    say(f"seed {seed}")
    rng = random.Random(seed)
    with Workspace() as space, tempfile.TemporaryDirectory(dir=SHM, prefix="trireme-fast-tier-") as fast:
        make_data(space)
        goes_on(space, fast, rng)
        another_layout(space, fast, rng)
        lost(space, fast, rng)
        damaged(space, fast, rng)
        nothing_left(space, fast)
        kept_by_site(space, fast)
        refused(space, fast)
        too_small(space)


if __name__ == "__main__":
    main()
