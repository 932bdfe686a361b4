"""On terminals of 20 to 200 columns: bars fit or are not there, no line begins behind a bar, tables and help texts fit,
and a window may be resized while a run draws."""

import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from support import TRIREME, Workspace, check, make_data, run_file, say, tiny_model
from window import WIPE, Window, cells, drawn, seen

PRUNE = ["checkpoint", "prune", "--dry-run", "--keep", "2", "--keep-every", "0", "runs/run"]
NAME = "llama-1b-shakespeare-lr3e-4-warmup2000-聖書"


def ledger(space):
    """A run with a long name that was preempted again and again, and one that never began."""
    lines = []
    for number in range(1, 4):
        lines.append({"event": "start", "attempt": number, "time": 1.7e9 + 9000 * number, "run_id": "x", "reason": "preempted",
                      "job": "1234567", "layout": "tp8·pp16·dp64", "ranks": 8192, "gpus": True, "steps": 500000,
                      "first_step": 1000 * number})
        lines.append({"event": "end", "attempt": number, "time": 1.7e9 + 9000 * number + 8000, "last_step": 1000 * number + 990,
                      "saved_step": 1000 * number + 990, "device_seconds": 6.5e7, "lost_seconds": 1e5,
                      "reason": "failed on node0123: the file system did not answer for 600 s while a checkpoint was read"})
    space.write(f"runs/{NAME}/attempts.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    space.write("runs/b/attempts.jsonl", "")


def widest(lines):
    return max(lines, key=cells, default="")


def tables(space):
    for columns in (20, 40, 80, 200):
        for words in (["status"], ["status", f"runs/{NAME}"], ["help", "train"], ["help"], ["prepare", "--help"],
                      ["checkpoint", "list", "runs/run"], ["checkpoint", "inspect", "runs/run"], PRUNE):
            window = Window([TRIREME, *words], columns, space.path)
            check(window.end() == 0, f"{words} failed: {window.text}")
            lines = window.text.split("\n")
            if "help" in " ".join(words):  # examples, and the names of options, are not cut
                lines = [line for line in lines if not re.match(r"  \S|trireme|example", line)] if columns >= 40 else []
            else:
                lines = [line for line in lines if not line.startswith("(a wider") and " kept, " not in line]
            if words == PRUNE:
                row = next(line for line in lines if "step_1" in line or "…" in line)
                check(("…" in row) == (columns < 40), f"a path at {columns} columns: {row}")
            check(cells(widest(lines)) <= columns, f"{words} at {columns} columns: {widest(lines)!r}")
        say(f"  {columns} columns: tables and help fit")
    whole = space.must("status", f"runs/{NAME}").stdout
    check(NAME in whole and "device hours" in whole, f"without a terminal something is cut: {whole}")


def training(space):
    """Saves between steps: their lines must not begin behind the bar. The window shrinks while the run draws."""
    space.write("long.ini", run_file("long", model=tiny_model(), data={"train": "data.h5"},
                                     train={"steps": 100000, "global_batch": 4, "micro_batch": 1},
                                     checkpoint={"every_steps": 20, "keep": 2}, log={"every_steps": 10}))
    window = Window([TRIREME, "train", "long.ini"], 100, space.path)
    while not re.search(r"^saved ", "\n".join(seen(window.text)), re.M) and window.read():
        pass
    at_resize = len(window.text)
    window.resize(60)
    while len(drawn(window.text[at_resize:])) < 30 and window.read():
        pass
    os.kill(window.process, signal.SIGTERM)
    check(window.end() == 75, f"train did not stop: {window.text}")
    bars = drawn(window.text)
    check(len(bars) > 20, f"no bars: {window.text}")
    check(all(cells(bar) < 100 for bar in bars), f"a bar is too wide: {widest(bars)!r}")
    late = drawn(window.text)[-5:]  # what the program wrote before it saw the new size is long read
    check(all(cells(bar) < 60 for bar in late), f"a bar does not heed the new size: {widest(late)!r}")
    for line in seen(window.text):
        check(not re.match(r"\[[=> ]+\]", line), f"a line begins behind a bar: {line!r}")
    text = "\n".join(seen(window.text))
    for words in (r"^length +100000 steps, 6\.40M tokens, ", r"^expected +about \S.* for the 99997 steps left, at ", r"^saved ",
                  r"^step +10/100000 .* (ms|s)  "):
        check(re.search(words, text, re.M), f"no line {words}: {text}")
    narrow = Window([TRIREME, "train", "long.ini", "--run.name=narrow", "--train.steps=60"], 20, space.path)
    check(narrow.end() == 0, f"train failed: {narrow.text}")
    check(drawn(narrow.text) == [], f"a bar in 20 columns: {drawn(narrow.text)[:2]}")
    steps = [line for line in seen(narrow.text) if line.startswith("step ")]
    check(len(steps) == 6 and all(cells(line) <= 20 for line in steps), f"steps in 20 columns: {steps}")
    say(f"  training: {len(bars)} bars, resized while it ran; none in 20 columns")


def prepare_ended(space):
    """Its threads go on until the end; no bar stays behind the sentence, so the shell's prompt begins a line."""
    space.write("long.txt", "the king saw the river at night and spoke of it\n" * 4_000_000)  # a second even of a fast machine
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        window = Window([TRIREME, "prepare", "--tokenizer", "tokenizer.json", "--output", "new.h5", "long.txt"], 100, space.path)
        while not drawn(window.text) and window.read():
            pass
        os.kill(window.process, signal_number)
        code = window.end()
        check(drawn(window.text) and code == -signal_number, f"prepare left with {code}: {window.text}")
        last = seen(window.text)[-2:]
        check(last[0].startswith("trireme: stopped by SIG") and last[1] == "", f"a bar stays: {last}")
    say("  prepare: a signal leaves no bar")


def columns_of_the_environment(space):
    """A terminal that does not know its size: COLUMNS tells."""
    window = Window([TRIREME, "status", f"runs/{NAME}"], 0, space.path, {"COLUMNS": "50"})
    check(window.end() == 0, window.text)
    table = [line for line in window.text.split("\n") if not line.startswith("(a wider")]
    check(40 < cells(widest(table)) <= 50, f"COLUMNS=50: {widest(table)!r}")


def main():
    with Workspace() as space:
        make_data(space)
        space.write("run.ini", run_file("run", model=tiny_model(), data={"train": "data.h5"},
                                        train={"steps": 4, "global_batch": 4, "micro_batch": 1},
                                        checkpoint={"every_steps": 1, "keep": 4}))
        space.must("train", "run.ini")
        ledger(space)
        tables(space)
        columns_of_the_environment(space)
        training(space)
        prepare_ended(space)


if __name__ == "__main__":
    main()
