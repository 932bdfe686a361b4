"""Every kind of bad input gives one clear sentence from one rank and exit code 2 or 1: no hang, no stack traces, and what
was saved stays."""

import functools
import os
import shutil
import signal
import subprocess
import time

from support import (Workspace, at_once, causes, check, checkpoints, command, english, make_data, run_file, say, tiny_model,
                     wait_until)


def run_ini(name="run", model=None, data=None, **sections):
    sections.setdefault("train", {"steps": 4, "global_batch": 4, "micro_batch": 1})
    return run_file(name, model=tiny_model() if model is None else model, data=data or {"train": "data.h5"},
                    checkpoint={"every_steps": 2}, **sections)


class Cases:
    def __init__(self, space):
        self.space = space
        self.count = 0

    def refuse(self, what, arguments, code, words, ranks=2, environment=None):
        """Must leave with `code`, and the last line that begins with `trireme:` must hold every one of `words`."""
        done = self.space.run(*arguments, ranks=ranks, timeout=60, environment=environment)
        said = done.stdout + done.stderr
        causes = [line for line in said.splitlines() if line.startswith("trireme:")]
        check(done.returncode == code, f"{what}: left with {done.returncode}, not {code}:\n{said}")
        check(len(causes) == 1, f"{what}: {len(causes)} lines begin with trireme: in\n{said}")
        for word in words:
            check(word in causes[0], f"{what}: no '{word}' in: {causes[0]}")
        self.count += 1
        say(f"  {what}: {causes[0]}")

    def refuse_all(self, cases):
        """Cases that share no run directory, (what, arguments, code, words) each."""
        at_once([functools.partial(self.refuse, *case) for case in cases])


def main():
    with Workspace() as space:
        make_data(space)
        cases = Cases(space)
        space.write("run.ini", run_ini())

        # Options and layouts.
        cases.refuse_all([(what, ["train", "run.ini", *options], 2, words) for what, options, words in [
                ("unknown key", ["--train.step=3"], ["train.step", "train.steps"]),
                ("unknown section", ["--trian.steps=3"], ["trian"]),
                ("not a number", ["--train.steps=many"], ["train.steps", "many"]),
                ("negative", ["--train.global_batch=-4"], ["train.global_batch"]),
                ("later schedule", ["--parallel.schedule=zbv"], ["schedule", "1f1b"]),
                ("later zero", ["--parallel.zero=3"], ["zero"]),
                ("unknown precision", ["--train.precision=fp8"], ["precision", "bf16"]),
                ("heads % tp", ["--parallel.tp=8"], ["tp"]),
                ("global batch", ["--parallel.dp=2", "--train.global_batch=3"], ["global_batch"]),
                ("ranks do not fill", ["--parallel.tp=4"], ["tp"]),
                ("more ranks than layout", ["--parallel.tp=1", "--parallel.pp=1", "--parallel.dp=1"], ["2"]),
                ("more chunks than layers", ["--parallel.pp=2", "--parallel.schedule=interleaved", "--parallel.chunks=9"],
                 ["chunks"]),
                ("interleaved micro-batches", ["--parallel.pp=2", "--parallel.schedule=interleaved", "--parallel.chunks=2",
                                               "--train.global_batch=3"], ["micro"]),
                ("hidden % heads", ["--model.heads=5"], ["heads"]),
                ("kv_heads", ["--model.kv_heads=3"], ["kv_heads"]),
                ("keep", ["--checkpoint.keep=1"], ["keep"]),
                ("vocabulary too small", ["--model.vocab=100"], ["vocab"]),
        ]])
        space.write("broken.ini", "[train\nsteps = 3\n")
        space.write("hash.ini", "[train]\nsteps = 3# three\n")
        space.write("twice.ini", run_ini() + "[train]\nsteps = 3\n")
        cases.refuse_all([
            ("no run file", ["train", "nowhere.ini"], 2, ["nowhere.ini"]),
            ("no arguments", ["train"], 2, []),
            ("broken INI", ["train", "broken.ini"], 2, ["broken.ini: line 1 is '[train'"]),
            ("comment without a space", ["train", "hash.ini"], 2, ["'3# three' (a comment begins with a space and '#')"]),
            ("key twice", ["train", "twice.ini"], 2, ["steps"]),
        ])

        # Datasets.
        size = os.path.getsize(space / "data.h5")
        datasets = [
            ("no dataset", ["train", "run.ini", "--data.train=none.h5"], 2, ["none.h5"]),
            ("text as dataset", ["train", "run.ini", "--data.train=data.txt"], 2, ["data.txt"]),
            ("sequence longer than data", ["train", "run.ini", "--model.sequence=1000000"], 2, ["sequence"]),
        ]
        for length in (0, 3, 200, size // 2, size - 1):
            with open(space / "data.h5", "rb") as whole, open(space / f"cut{length}.h5", "wb") as cut:
                cut.write(whole.read(length))
            datasets.append((f"dataset cut to {length} bytes", ["train", "run.ini", f"--data.train=cut{length}.h5"], 2,
                             [f"cut{length}.h5"]))
        cases.refuse_all(datasets)
        text = space.write("other.txt", english(3000, seed=3)[::-1])
        space.must("tokenizer", "train", "--vocab", "300", "--output", space / "other.json", text)
        space.must("prepare", "--tokenizer", space / "other.json", "--output", space / "other.h5", text)
        cases.refuse("validation of another tokenizer", ["train", "run.ini", "--data.valid=other.h5"], 2, ["other.h5"])

        # A run that exists.
        space.must("train", "run.ini", ranks=2)
        saved = checkpoints(space / "runs/run")
        cases.refuse("other model on resume", ["train", "run.ini", "--model.hidden=64", "--train.steps=8"], 2, ["hidden"])
        cases.refuse("other sequence on resume", ["train", "run.ini", "--model.sequence=8", "--train.steps=8"], 2,
                     ["sequence"])
        cases.refuse("other tokenizer on resume", ["train", "run.ini", "--data.train=other.h5", "--train.steps=8"], 2,
                     ["tokenizer"])
        space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "more.h5", space / "data.txt",
                   space.write("more.txt", english(500, seed=4)))
        cases.refuse("other data on resume", ["train", "run.ini", "--data.train=more.h5", "--train.steps=8"], 2,
                     ["fingerprint", "model.init_from"])
        cases.refuse("other seed on resume", ["train", "run.ini", "--run.seed=7", "--train.steps=8"], 2,
                     ["run.seed = 7", "model.init_from"])
        past = space.must("train", "run.ini", "--train.steps=3").stdout
        check("done: the run is at step 4, past the 3 steps that were asked for" in past, f"past its end: {past}")
        cases.refuse("evaluation of another tokenizer", ["eval", "run.ini", "--data", "other.h5"], 2,
                     ["--data = other.h5 has another tokenizer"])
        cases.refuse("prompt in another tokenizer's ids",
                     ["generate", "run.ini", "--prompt", "a", "--data.tokenizer=other.json"], 2,
                     ["data.tokenizer = other.json has another tokenizer"])
        cases.refuse("prompt in another dataset's ids", ["generate", "run.ini", "--prompt", "a", "--data.train=other.h5"],
                     2, ["data.train = other.h5 has another tokenizer"])
        check(checkpoints(space / "runs/run") == saved, "a refusal touched the checkpoints")

        # Places to write.
        space.write("file", "not a directory")
        cases.refuse("run directory is a file", ["train", "run.ini", "--run.dir=file"], 1, ["file"])
        cases.refuse("run directory below a file", ["train", "run.ini", "--run.dir=/dev/null/run"], 1, ["/dev/null"])

        second_job(space)
        notes(space)
        deleted_run(space)
        full_disk(space, cases)
        file_size_limit(space, cases)
        other_commands(space, cases)
        say(f"{cases.count} refusals, each one sentence from one rank")


def second_job(space):
    """A second job on the run directory of a live one gives up in one sentence; the first goes on."""
    space.write("long.ini", run_ini("long", train={"steps": 10_000_000, "global_batch": 4, "micro_batch": 1}))
    first = space.start("train", "long.ini", output="first.txt")
    deadline = time.monotonic() + 60
    while not os.path.exists(space / "runs/long/lease") and time.monotonic() < deadline:
        time.sleep(0.05)
    done = space.run("train", "long.ini", timeout=60)
    said = done.stdout + done.stderr
    check(done.returncode == 1 and said.count("trireme:") == 1, f"second job left with {done.returncode}:\n{said}")
    check(first.poll() is None, "the first job did not survive the second")
    os.killpg(first.pid, signal.SIGTERM)
    check(first.wait(timeout=60) == 75, f"SIGTERM: left with {first.returncode}")
    say("  second job on one run directory refused, the first went on and stopped with 75")


def notes(space):
    """What trains, but perhaps not as meant, is said before it trains; quotes and commas in names work."""
    os.rename(space / "data.valid.h5", space / "data, 'valid' #1.h5")
    space.write("notes.ini", run_ini("lr#1", data={"train": "data.h5", "valid": "\"data, 'valid' #1.h5\" # quoted"},
                                     model=tiny_model(vocab=400), optimizer={"warmup_steps": 50}))
    said = space.must("train", "notes.ini", "--model.preset=smollm-135m").stdout
    for words in ("model.preset = smollm-135m was given on the command line, and the run file's sizes win over it: model.layers = 4",
                  "model.vocab = 400 is larger than the dataset's", "optimizer.warmup_steps = 50 is longer than the run of 4",
                  "validation loss", "runs/lr#1/checkpoints/step_4", "length    4 steps, 256 tokens"):
        check(words in said, f"no '{words}' in {said}")
    again = space.must("train", "runs/lr#1/run.ini", "--train.steps=5").stdout  # what was written reads back
    check("resuming  from step 4" in again and "changed   train.steps: 4 -> 5" in again, again)
    check(again.count("changed") == 1, f"the written run file reads back otherwise: {again}")


def deleted_run(space):
    """A run directory that is deleted ends the run in one sentence, and it does not come back."""
    space.write("gone.ini", run_ini("gone", train={"steps": 100000, "global_batch": 4, "micro_batch": 1}))
    process = space.start("train", "gone.ini", ranks=2, output="gone.txt")
    wait_until(lambda: len(checkpoints(space / "runs/gone")) > 0, process, "a checkpoint")
    os.rename(space / "runs/gone", space / "gone.moved")
    shutil.rmtree(space / "gone.moved", ignore_errors=True)
    code = process.wait(timeout=60)
    with open(space / "gone.txt", encoding="utf-8") as file:
        said = file.read()
    check(code == 1 and len(causes(said)) == 1 and "was deleted or moved while the run wrote to it" in causes(said)[0],
          f"left with {code}: {said[-2000:]}")
    check(not os.path.exists(space / "runs/gone"), "the run directory came back")
    say(f"  deleted run directory: {causes(said)[0]}")


def full_disk(space, cases):
    """On a small file system the save fails in one sentence, training goes on, and older checkpoints stay."""
    small = space / "small"
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", small], capture_output=True, check=False).returncode:
        say("  full disk: SKIPPED here, mounting a small tmpfs needs root")
        return
    try:
        arguments = ["train", "run.ini", f"--run.dir={small}/run", "--model.hidden=64", "--train.steps=6",
                     "--checkpoint.every_steps=1", "--checkpoint.keep=50"]
        cases.refuse("no room for keep + 1 checkpoints", arguments, 2, ["No space left", "checkpoint.keep"], ranks=2)
        arguments.append("--checkpoint.preflight=false")
        done = space.run(*arguments, ranks=2, timeout=100)
        said = done.stdout + done.stderr
        check("No space left" in said, f"a full disk was not named:\n{said}")
        steps = checkpoints(f"{small}/run")
        check(len(steps) >= 1, "no checkpoint was committed before the disk was full")
        for step in steps:
            space.must("checkpoint", "verify", f"{small}/run/checkpoints/step_{step}")
        cases.count += 1
        say(f"  full disk: code {done.returncode}, checkpoints {steps} verify")
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def file_size_limit(space, cases):
    """A save beyond `ulimit -f` fails in one sentence that names the limit, and leaves nothing half-written."""
    limited = subprocess.run(["bash", "-c", "ulimit -f 300; exec \"$@\"", "bash",
                              *command("train", "run.ini", "--run.dir=limited", "--checkpoint.preflight=false")],
                             cwd=space.path, capture_output=True, text=True, timeout=100, check=False)
    said = limited.stdout + limited.stderr
    check(limited.returncode >= 0 and "File too large: this shell lets no file grow beyond 307200 bytes" in said,
          f"a limit of files' sizes: {limited.returncode}\n{said}")
    left = [name for _, folders, files in os.walk(space / "limited") for name in folders + files
            if name.endswith((".tmp", ".partial"))]
    check(not left and not checkpoints(space / "limited"), f"left behind: {left}")
    cases.count += 1


def other_commands(space, cases):
    cases.refuse("eval without a checkpoint", ["eval", "run.ini", "--run.dir=empty"], 2, ["empty"])
    cases.refuse("generate without a prompt", ["generate", "run.ini"], 2, ["prompt"], ranks=0)
    cases.refuse("unknown command", ["trian"], 2, ["train"], ranks=0)
    cases.refuse("verify of nothing", ["checkpoint", "verify", "nowhere"], 2, ["nowhere"], ranks=0)
    cases.refuse("prepare without input", ["prepare", "--tokenizer", "tokenizer.json", "--output", "x.h5"], 2, [], ranks=0)
    cases.refuse("prepare of a missing file", ["prepare", "--tokenizer", "tokenizer.json", "--output", "x.h5", "none.txt"],
                 2, ["none.txt"], ranks=0)
    shutil.rmtree(space / "runs", ignore_errors=True)
    check(subprocess.run(command("train", "run.ini", "--help"), cwd=space.path, capture_output=True, check=False).returncode == 0,
          "train --help failed")


if __name__ == "__main__":
    main()
