"""A sweep of 200 short trials with SIGKILLs at random of trials, of their programs, of workers and of whoever holds the
sweep's lease: every trial is accounted for, and no promotion is lost or doubled. Then fewer trials on a file system that
says of some changes to leases that they failed although they happened, as NFS may (tests/fake/nfs_like.cpp).

Usage: sweep_kills_test.py NFS_LIKE.so"""

import json
import os
import random
import subprocess
import sys
import time

from support import SOURCE, TRIREME, Workspace, check, run_file, say
from sweep_replay import REDUCTION, RUNGS, STEPS, check_end

SEED = int(os.environ.get("TRIREME_SEED", time.time_ns() % 1_000_000))
POOLS, WORKERS = 2, 3
CLAIMS_PER_KILL = 4  # so that a slow machine gets work done between two kills
DIRECTORY = "sweeps/kills"


def sweep_file(trials):
    trial = f"exec {sys.executable} -S -E {SOURCE}/tests/system/sweep_trial.py {{x}} {STEPS} 0.01"
    return run_file("kills", program={"command": trial},
                    sweep={"x": "uniform 0.0 1.0", "method": "random", "trials": trials, "steps": STEPS, "metric": "score",
                           "min_steps": RUNGS[0], "reduction": REDUCTION})


def processes(space):
    """kind -> process ids of this sweep: "pool", "trial" (trireme train) and "program"."""
    found = {"pool": [], "trial": [], "program": []}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            if os.readlink(f"/proc/{entry}/cwd") != os.path.realpath(space.path):
                continue
        except OSError:
            continue  # it ended while we looked
        if "sweep_trial.py" in " ".join(words):
            found["program"].append(int(entry))
        elif words[1:2] == ["train"]:
            found["trial"].append(int(entry))
        elif words[1:3] == ["sweep", "run"]:
            found["pool"].append(int(entry))
    return found


def lease_holder(space):
    try:
        with open(space / f"{DIRECTORY}/lease", encoding="utf-8") as file:
            return json.load(file)["process"]
    except (OSError, ValueError, KeyError):
        return None


def kill(process):
    try:
        os.kill(process, 9)
        return True
    except ProcessLookupError:
        return False


def strike(space, rng, kills):
    """One SIGKILL, or none where there is nobody of that kind now."""
    kind = rng.choice(["trial", "trial", "program", "program", "pool", "holder"])
    if kind == "holder":
        deadline = time.monotonic() + 0.3
        while (victim := lease_holder(space)) is None and time.monotonic() < deadline:
            pass
        victims = [victim] if victim in processes(space)["pool"] else []
    else:
        victims = processes(space)[kind]
    if victims and kill(rng.choice(victims)):
        kills[kind] = kills.get(kind, 0) + 1


def start_pool(space, number, environment):
    with open(space / f"pool{number}.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen([TRIREME, "sweep", "run", "kills.ini", "--workers", str(WORKERS)], cwd=space.path,
                                stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment})


def claims(space):
    try:
        with open(space / f"{DIRECTORY}/sweep.jsonl", encoding="utf-8") as file:
            return file.read().count('{"event":"claim"')
    except FileNotFoundError:
        return 0


def survive(trials, least_kills, environment):
    """Runs a sweep to its end while things are killed, and checks its log."""
    rng, kills = random.Random(SEED), {}
    with Workspace() as space:
        space.write("kills.ini", sweep_file(trials))
        started = time.monotonic()
        pools = [start_pool(space, number, environment) for number in range(POOLS)]
        while not any(pool.poll() == 0 for pool in pools):
            check(time.monotonic() - started < 240, "the sweep does not end")
            for number, pool in enumerate(pools):
                code = pool.poll()
                with open(space / f"pool{number}.txt", encoding="utf-8") as output:
                    check(code in (None, 0, -9), f"a pool left with {code}: {output.read()[-2000:]}")
                if code == -9:
                    pools[number] = start_pool(space, number, environment)
            if sum(kills.values()) * CLAIMS_PER_KILL <= claims(space):
                strike(space, rng, kills)
            time.sleep(rng.uniform(0.02, 0.2))
        for pool in pools:
            pool.wait(60)
        measured = check_end(space / DIRECTORY, trials)
        say(f"{trials} trials, killed {kills}; measured at the rungs {measured}; {time.monotonic() - started:.0f} s")
        check(sum(kills.values()) >= least_kills, "hardly anything was killed")
        said = space.must("sweep", "status", DIRECTORY, "--json").stdout
        check(all(trial["state"] in ("paused", "done") for trial in json.loads(said)["trials"]), said)


say(f"seed {SEED}")
survive(200, 20, {})
survive(30, 3, {"LD_PRELOAD": sys.argv[1], "NFS_LIKE_COMMAND": "sweep", "NFS_LIKE_CHANGES": "5"})
