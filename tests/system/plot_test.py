"""trireme plot: curves of a real run and of somebody's own program, in a terminal, in a pipe and in a log file; the newest losses
in the table of `status --watch`."""

import json
import math
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from support import TRIREME, Workspace, check, make_data, metrics, run_file, say, step_lines, tiny_model
from window import Window, cells

BRAILLE = re.compile("[\u2801-\u28ff]")
COLOUR = re.compile(r"\x1b\[(38;5;(\d+)|0)m")


def write_lines(space, run, lines):
    space.write(f"runs/{run}/metrics.jsonl", "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))


def make_runs(space):
    make_data(space)
    space.write("own.ini", run_file("own", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"},
                                    train={"steps": 12, "global_batch": 4, "micro_batch": 4},
                                    log={"valid_every_steps": 4, "valid_samples": 8}))
    space.must("train", "own.ini")
    steps = [{"step": s, "loss": 2 + 3 * math.exp(-s / 100), "accuracy": s / 500, "tokens": 64 * s} for s in range(1, 501)]
    steps[300]["loss"] = 40.0  # one spike among 500 values
    steps[400]["loss"] = float("nan")
    space.write("runs/theirs/attempts.jsonl", "")
    write_lines(space, "theirs", [*steps[:450], "{\"step\":4\n", *steps[440:], "{\"step\":501,\"loss\":1"])


def a_real_run(space):
    said = space.must("plot", "runs/own").stdout
    lines = step_lines(space / "runs/own")
    lowest = min(lines, key=lambda line: line["loss"])
    check(re.search(rf"^own +loss +{lines[-1]['loss']:.6g} +{lowest['loss']:.6g} +{lowest['step']} +12$", said, re.M), said)
    valid = [line["valid_loss"] for line in metrics(space / "runs/own") if "valid_loss" in line]
    check(re.search(rf"^own +valid_loss \(o\) +{valid[-1]:.6g} ", said, re.M), said)
    check(len(valid) == 3 and said.count("o") > 3 and BRAILLE.search(said), said)
    check(max(map(cells, said.split("\n"))) == 80 and "\x1b" not in said, f"not 80 columns of plain text: {said}")
    hours = json.loads(space.must("plot", "runs/own", "--x", "hours", "--metric", "grad_norm", "--json").stdout)
    curve = hours["curves"][0]
    check(curve["y"] == [line["grad_norm"] for line in lines], curve)
    check(curve["x"] == [(line["time"] - lines[0]["time"]) / 3600 for line in lines], curve)
    check(hours["x"] == "hours" and curve["run"] == "own" and curve["directory"] == "runs/own", hours)


def several(space):
    said = space.must("plot", "runs/own", "runs/theirs", "--log", "--smooth", "1").stdout
    check(re.search(r"^own$", said, re.M) and re.search(r"^theirs$", said, re.M), f"no panel for each run: {said}")
    check(re.search(r"^theirs +loss +\S+ +\S+ +500 +500 +1$", said, re.M), f"lines are not counted once a step: {said}")
    alike = space.must("plot", "runs/own", "runs/../runs/own").stdout
    check("\nruns/own\n" in alike and "\nruns/../runs/own\n" in alike, f"two runs of one name: {alike}")
    top = said[said.index("\ntheirs\n"):].split("\n")[2]
    check(BRAILLE.search(top), f"the spike is not seen: {said}")
    raw = json.loads(space.must("plot", "runs/theirs", "--x", "tokens", "--json").stdout)["curves"][0]
    check(raw["y"][400] is None and raw["y"][300] == 40.0 and raw["x"][-1] == 32000 and len(raw["y"]) == 500, raw["x"][-1])
    one = json.loads(space.must("plot", "runs/own", "runs/theirs", "--metric", "accuracy", "--json").stdout)["curves"]
    check([(curve["run"], curve["directory"]) for curve in one] == [("theirs", "runs/theirs")], one)
    done = space.run("plot", "runs/own", "runs/theirs", "--metric", "accuracy")
    check(done.returncode == 0 and "runs/own has no accuracy" in done.stderr and "own " not in done.stdout, done.stderr)


def on_terminals(space):
    for columns in (30, 60, 120):
        window = Window([TRIREME, "plot", "runs/own", "runs/theirs"], columns, space.path, {"TERM": "xterm", "NO_COLOR": ""})
        check(window.end() == 0, window.text)
        plain = COLOUR.sub("", window.text)
        check({found[1] for found in COLOUR.findall(window.text)} == {"", "32", "172"}, f"colours: {window.text!r}")
        check("\x1b" not in plain and "\nown\n" not in plain, f"two runs do not share a panel: {plain}")
        check(max(map(cells, (line for line in plain.split("\n") if not line.startswith("(a wider")))) <= columns, plain)
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        window = Window([TRIREME, "plot", "runs/own", "runs/theirs"], 60, space.path, environment)
        check(window.end() == 0 and "\x1b" not in window.text and "\nown\n" in window.text, window.text)


def what_is_refused(space):
    for words, said in ((["runs/theirs", "--metric", "los"], "did you mean loss? There are: accuracy, loss, tokens"),
                        (["runs/theirs", "--metric", "zzz"], "has the metric zzz. There are: "),
                        (["runs/theirs", "--x", "hours"], "tell no time"), (["runs/nothing"], "no run directory runs/nothing"),
                        (["."], "no run directory"), (["runs/own"] * 9, "at most 8"), (["runs/theirs", "--smooth", "0"], "smooth"),
                        (["runs/theirs", "--metric", "accuracy", "--x", "time"], "allowed: steps, tokens, hours")):
        done = space.run("plot", *words)
        check(done.returncode == 2 and said in done.stderr, f"{words}: {done.stderr}")
    write_lines(space, "empty", [])
    done = space.run("plot", "runs/empty")
    check(done.returncode == 1 and "holds no numbers yet" in done.stderr, done.stderr)
    os.makedirs(space / "runs/link")
    os.symlink("/etc/passwd", space / "runs/link/metrics.jsonl")
    done = space.run("plot", "runs/link")
    check(done.returncode == 2 and "symbolic link" in done.stderr, done.stderr)


def hostile_names(space):
    name = "a\x1b[2Jb\nc"
    os.makedirs(space / f"runs/{name}")
    with open(space / f"runs/{name}/metrics.jsonl", "w", encoding="utf-8") as file:
        file.write(json.dumps({"step": 1, "loss\x1b[2J": 1, "loss": 2}) + "\n")
    window = Window([TRIREME, "plot", f"runs/{name}", "runs/own"], 100, space.path, {"TERM": "xterm", "NO_COLOR": ""})
    check(window.end() == 0 and "\x1b[2J" not in window.text and "a\\x1B[2Jb" in window.text, repr(window.text))
    window = Window([TRIREME, "plot", f"runs/{name}", "--metric", "los\x1b[2J"], 100, space.path)
    check(window.end() == 2 and "\x1b[2J" not in window.text, repr(window.text))


def readers_that_leave(space):
    done = subprocess.run(f"{TRIREME} plot runs/own runs/theirs | head -1", shell=True, cwd=space.path, capture_output=True,
                          text=True, check=True)
    check(done.stdout == "loss over steps\n" and not done.stderr, done)
    done = subprocess.run(f"{TRIREME} plot runs/own > /dev/full", shell=True, cwd=space.path, capture_output=True, text=True,
                          check=False)
    check(done.returncode == 1 and "could not be written" in done.stderr, done)


def watched(space):
    window = Window([TRIREME, "status", "runs/own", "runs/theirs", "--watch"], 220, space.path)
    while "theirs" not in window.text.partition("newest losses")[2] and window.read():
        pass
    check(re.search(r"theirs .*[▁▂▃▄▅▆▇█]{16}", window.text.partition("newest losses")[2]), window.text)
    os.kill(window.process, 15)
    window.end()
    check("newest losses" not in space.must("status", "runs/own").stdout, "losses are drawn for a file")


def main():
    with Workspace() as space:
        make_runs(space)
        for test in (a_real_run, several, on_terminals, what_is_refused, hostile_names, readers_that_leave, watched):
            test(space)
            say(f"  {test.__name__.replace('_', ' ')}")


main()
