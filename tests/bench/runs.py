"""How long `trireme runs find` takes over a team's tree: without an index, with a warm one, and beside `find -name run.ini |
xargs grep` over the same files. Usage: runs.py [RUNS]; needs TRIREME_BIN."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time

TRIREME = os.path.abspath(os.environ.get("TRIREME_BIN", "build/bin/trireme"))
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
STEPS = 200
CONDITIONS = ("model.layers=12", "optimizer.lr<1e-3", "state=done")


def options(dice):
    """A resolved run file of some 80 keys, as attempts leave it."""
    text = f"[model]\nlayers = {dice.randint(1, 24)}\nhidden = 768\n[optimizer]\nlr = {dice.choice((1e-4, 3e-4, 1e-2))}\n"
    text += f"[data]\ntrain = team:web-{dice.randint(1, 9)}\n[train]\nsteps = {STEPS}\n[checkpoint]\nevery_steps = 10\n"
    return text + "[log]\nvalid_every_steps = 0\n[slurm]\n" + f"extra = --comment={'x' * 900}\n"


def make(tree, dice):
    start = {"event": "start", "attempt": 1, "time": time.time() - 9000, "run_id": "r", "reason": "first start", "job": "",
             "layout": "dp4", "hosts": ["n1"], "ranks": 4, "gpus": True, "steps": STEPS, "first_step": 0}
    end = {"event": "end", "attempt": 1, "time": time.time() - 60, "reason": "done", "last_step": STEPS, "saved_step": STEPS}
    ledger = json.dumps(start) + "\n" + json.dumps(end) + "\n"
    metrics = "".join(json.dumps({"step": step, "time": 1.7e9 + step, "loss": 2.5, "tokens_per_second": 1e5}) + "\n"
                      for step in range(1, STEPS + 1))
    for number in range(RUNS):
        run = f"{tree}/project{number % 50}/run{number}"
        for below in ("logs", "control", "checkpoints"):
            os.makedirs(f"{run}/{below}")
        text = options(dice)
        record = {"attempt": 1, "options": text, "datasets": [{"key": "data.train", "name": "a.h5", "fingerprint": "0" * 32}]}
        for name, content in (("run.ini", text), ("attempts.jsonl", ledger), ("metrics.jsonl", metrics),
                              ("record.jsonl", json.dumps(record) + "\n")):
            path = f"{run}/{name}"
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            os.utime(path, (time.time() - 60,) * 2)  # the index trusts no file that was written just now


def seconds(words, **keywords):
    started = time.monotonic()
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL, **keywords)
    return time.monotonic() - started


def main():
    with tempfile.TemporaryDirectory() as directory:
        make(f"{directory}/tree", random.Random(1))
        find = [TRIREME, "runs", "find", *CONDITIONS, "--tree", f"{directory}/tree"]
        environment = {**os.environ, "XDG_CACHE_HOME": f"{directory}/cache"}
        cold = seconds(find, env=environment)
        warm = sorted(seconds(find, env=environment) for _ in range(9))
        grep = sorted(seconds(f"find {directory}/tree -name run.ini -print0 | xargs -0 grep -l 'layers = 12'", shell=True)
                      for _ in range(5))
        print(f"{RUNS} runs: find takes {warm[4]:.2f} s with a warm index (best {warm[0]:.2f} s), {cold:.2f} s without; "
              f"find and grep over the run files alone {grep[2]:.2f} s")
        sys.exit(warm[4] > 1)  # asked: under a second


main()
