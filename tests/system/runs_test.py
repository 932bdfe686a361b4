"""A team's runs: what list, find and diff say is computed again here from the numbers that were written. The index is
only a cache: whatever happens to it, and to the runs, the answers are those of the files."""

import concurrent.futures
import json
import os
import random
import subprocess
import time

from support import TRIREME, Workspace, check, say

SEED = int(os.environ.get("TRIREME_SEED", random.randrange(1 << 30)))


def make_run(tree, path, dice, when):
    """A run's files, and what must be found of it."""
    where = os.path.join(tree, path)
    os.makedirs(where)
    layers, rate, steps = dice.randint(1, 24), dice.choice((1e-4, 3e-4, 1e-3, 2e-2)), dice.randint(5, 60)
    loss, finished = dice.uniform(1, 9), dice.random() < 0.6
    last = steps if finished else dice.randint(1, steps - 1)
    with open(f"{where}/run.ini", "w", encoding="utf-8") as file:
        file.write(f"[run]\nname = {os.path.basename(path)}\n[model]\nlayers = {layers}\n[data]\ntrain = team:web 0.5, "
                   f"\"b,c.h5\" 0.5\n[optimizer]\nlr = {rate}\n[train]\nsteps = {steps}\n")
    start = {"event": "start", "attempt": 1, "time": when, "run_id": "r1", "reason": "first start", "job": "",
             "layout": "1 rank", "hosts": ["n1"], "ranks": 1, "gpus": False, "steps": steps, "first_step": 0}
    end = {"event": "end", "attempt": 1, "time": when + 60, "reason": "done" if finished else "stopped by SIGTERM",
           "last_step": last, "saved_step": last, "device_seconds": 60.0, "lost_seconds": 1.0}
    with open(f"{where}/attempts.jsonl", "w", encoding="utf-8") as file:
        file.write(json.dumps(start) + "\n" + json.dumps(end) + "\n")
    with open(f"{where}/metrics.jsonl", "w", encoding="utf-8") as file:
        for step in range(1, last + 1):
            file.write(json.dumps({"step": step, "time": when + step / 100, "loss": loss + (last - step) * 0.1}) + "\n")
    return {"run": path, "layers": layers, "lr": rate, "steps": steps, "loss": loss, "finished": finished}


def ask(space, *words, code=0):
    done = subprocess.run([TRIREME, "runs", *words], cwd=space.path, capture_output=True, text=True, check=False,
                          env={**os.environ, "XDG_CACHE_HOME": space / "cache"})
    check(done.returncode == code, f"runs {words} left with {done.returncode}: {done.stdout}{done.stderr}")
    return done


def names(space, *conditions):
    answer = json.loads(ask(space, *(("find", *conditions) if conditions else ("list",)), "--json").stdout)
    return [run["run"] for run in answer["runs"]], answer["read"]


def check_conditions(space, made):
    wanted = {"model.layers=12": lambda run: run["layers"] == 12, "model.layers!=12": lambda run: run["layers"] != 12,
              "optimizer.lr<1e-3": lambda run: run["lr"] < 1e-3, "optimizer.lr>=0.001": lambda run: run["lr"] >= 1e-3,
              "loss<4": lambda run: run["loss"] < 4, "state=done": lambda run: run["finished"],
              "state=stopped": lambda run: not run["finished"], "run~vision/": lambda run: "vision/" in run["run"],
              "dataset=b,c.h5": lambda run: True, "dataset=team:other": lambda run: False,
              "train.steps<=30": lambda run: run["steps"] <= 30}
    for condition, holds in wanted.items():
        found, _ = names(space, condition)
        check(found == sorted(run["run"] for run in made if holds(run)), f"{condition}: {found}")
    found, _ = names(space, "loss<4", "state=done", "optimizer.lr<1e-3")
    check(found == sorted(run["run"] for run in made if run["loss"] < 4 and run["finished"] and run["lr"] < 1e-3), "all")
    answer = json.loads(ask(space, "list", "--sort", "loss", "--json").stdout)["runs"]
    check([run["run"] for run in answer] == [run["run"] for run in sorted(made, key=lambda run: run["loss"])], "by loss")
    for run, truth in zip(answer, sorted(made, key=lambda run: run["loss"])):
        check(abs(run["loss"] - truth["loss"]) < 1e-9 and run["options"]["train.steps"] == str(truth["steps"]), str(run))
    for words in (("find",), ("find", "colour=red"), ("find", "model.layrs=3"), ("find", "model.layers<x")):
        ask(space, *words, code=2)


def age(tree):
    """As if the files were written a minute ago: the index trusts none that may change within its time stamp."""
    for where, _, files in os.walk(tree):
        for name in files:
            status = os.stat(os.path.join(where, name))
            os.utime(os.path.join(where, name), ns=(status.st_atime_ns, status.st_mtime_ns - 60 * 10**9))


def check_index(space, made):
    age(space / "runs")
    check(names(space)[1] == len(made), "all were read, since all had changed")
    found, read = names(space)
    check(read == 0 and len(found) == len(made), f"{read} were read although nothing changed")
    one = made[0]
    with open(space / f"runs/{one['run']}/metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": 99, "loss": 0.125}) + "\n")
    found, read = names(space, "loss=0.125")
    check(found == [one["run"]] and read == 1, f"one changed: {found} {read}")
    with open(space / f"runs/{one['run']}/run.ini", "a", encoding="utf-8") as file:
        file.write("[checkpoint]\nkeep = 7\n")
    check(names(space, "checkpoint.keep=7")[0] == [one["run"]], "its options changed")
    os.rename(space / f"runs/{one['run']}", space / "runs/renamed")
    check(names(space, "checkpoint.keep=7")[0] == ["renamed"], "it was renamed")
    os.rename(space / "runs/renamed", space / f"runs/{one['run']}")
    index = [os.path.join(space / "cache/trireme", name) for name in os.listdir(space / "cache/trireme")]
    check(len(index) == 1 and os.stat(os.path.dirname(index[0])).st_mode & 0o77 == 0, "the cache is its user's")
    whole, _ = names(space)
    with open(index[0], "rb") as file:
        good = file.read()
    for text in (b"", b"\0\xff" * 1000, good[:len(good) // 2], good.replace(b'"step":', b'"step":"x",'), b"trireme runs 2\n[]\n{}\n7\n"):
        with open(index[0], "wb") as file:
            file.write(text)
        check(names(space)[0] == whole, f"the index was damaged: {text[:40]}")
    os.remove(index[0])
    os.symlink("/etc/passwd", index[0])
    check(names(space)[0] == whole and "root" in open("/etc/passwd", encoding="utf-8").read(), "a link instead of it")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        check(all(found == whole for found, _ in pool.map(lambda _: names(space), range(16))), "many at once")
    check(len(os.listdir(space / "cache/trireme")) == 1, "no temporary file is left")


def check_hostile(space):
    where = space / "runs/x\x1b[2J\ny"
    os.makedirs(where)
    for name, text in (("run.ini", "[model\nlayers"), ("attempts.jsonl", "\0{}[]\n"), ("metrics.jsonl", "{" * 5000),
                       ("record.jsonl", '{"attempt":1,"datasets":{"a":1}}\n')):
        with open(os.path.join(where, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(space / "runs/linked")
    os.symlink("/etc/passwd", space / "runs/linked/run.ini")
    os.mkfifo(space / "runs/linked/metrics.jsonl")
    text = ask(space, "list").stdout
    check("\x1b" not in text and "\\x1B[2J" in text and "linked" in text and "root:" not in text, text)
    answer = json.loads(ask(space, "find", "run~linked", "--json").stdout)["runs"]
    check(len(answer) == 1 and answer[0]["options"] == {}, str(answer))


def check_diff(space, made):
    a, b = (os.path.join("runs", made[i]["run"]) for i in (0, 1))
    found = {one["what"]: one for one in json.loads(ask(space, "diff", a, b, "--json").stdout)["differences"]}
    for what, key in (("model.layers", "layers"), ("optimizer.lr", "lr"), ("train.steps", "steps")):
        differs = made[0][key] != made[1][key]
        check((what in found) == differs, f"{what}: {found}")
        check(not differs or float(found[what]["a"]) == made[0][key], str(found))
    check("data.train" not in found and "run.name" not in found and "newest loss" in found, str(found))
    check("model.layers" in ask(space, "diff", a, b).stdout or made[0]["layers"] == made[1]["layers"], "the table")
    ask(space, "diff", a, "cache", code=2)


say(f"TRIREME_SEED={SEED}")
with Workspace() as workspace:
    random_run = random.Random(SEED)
    runs = [make_run(workspace / "runs", f"{('vision', 'text')[i % 2]}/run{i:02}", random_run, time.time() - 9000 + i)
            for i in range(40)]
    check_conditions(workspace, runs)
    check_index(workspace, runs)
    check_diff(workspace, runs)
    check_hostile(workspace)
    say("the runs were found")
