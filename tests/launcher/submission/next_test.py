"""trireme job next before a job's first attempt: whether the run in the directory is finished, as its ledger and the run
file tell, with stand-ins for Slurm's commands. Also what trireme submit says of a finished run."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from checks import check

TRIREME = os.environ["TRIREME_BIN"]
SITE = Path(os.environ["TRIREME_SOURCE"]) / "examples" / "site-lab.ini"
STAND_INS = {"squeue": "exit 0", "scontrol": "exit 0", "sinfo": "exit 0", "sbatch": "echo 41"}


class Desk:
    """A directory with a run file, its run directory and the stand-ins."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.run = self.folder / "runs/tiny"
        (self.run / "logs").mkdir(parents=True)
        programs = self.folder / "programs"
        programs.mkdir()
        for name, line in STAND_INS.items():
            (programs / name).write_text(f"#!/bin/bash\n{line}\n")
            (programs / name).chmod(0o755)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM", "SBATCH", "SQUEUE"))}
        self.environment["PATH"] = f"{programs}:/usr/bin:/bin"

    def write(self, train, model=""):
        (self.folder / "tiny.ini").write_text(f"""[model]
{model}
[data]
train = {self.folder}/data.h5
[train]
{train}
global_batch = 8
[slurm]
partition = main
gpus_per_node = 0
ranks_per_node = 1
cpus_per_task = 1
""")

    def attempts(self, *ends, steps, stop_when=""):
        """What attempts leave that ended with these (reason, last step); None: killed without a word."""
        lines = []
        for old in (self.run / "logs").glob("outcome.*"):
            old.unlink()
        for number, end in enumerate(ends, 1):
            lines.append({"event": "start", "attempt": number, "run_id": "1f-2a", "job": "5", "steps": steps,
                          "stop_when": stop_when})
            if end:
                lines.append({"event": "end", "attempt": number, "reason": end[0], "last_step": end[1],
                              "saved_step": end[1]})
                self.outcome(number, *end)
        (self.run / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def outcome(self, number, reason, step):
        (self.run / f"logs/outcome.{number}").write_text(json.dumps(
            {"exit_code": 0 if reason == "done" else 75, "reason": reason, "step": step, "saved_step": step}))

    def call(self, *words, **variables):
        return subprocess.run([TRIREME, *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              env=self.environment | variables)

    def next(self):
        done = self.call("job", "next", "tiny.ini", "--dir", self.run, SLURM_JOB_ID="7", SLURM_JOB_NODELIST="n1")
        return done.stdout.split("\n")[0] + ": " + done.stderr.strip()


DONE = "end: trireme job: the run is done already"
GOES = "go: trireme job: starting"


def length_in_tokens(desk):
    desk.write("tokens = 81920")  # 10 steps of 8 sequences of 1024, the default
    check("a new run starts", desk.next() == GOES, desk.next())
    desk.attempts(("done", 10), steps=10)
    check("train.tokens with the default sequence: done", desk.next() == DONE, desk.next())
    desk.write("tokens = 81921")
    check("one token more is one step more", desk.next() == GOES, desk.next())
    desk.write("tokens = 20480", "preset = gpt2-124m\nsequence = 256")
    check("train.tokens with a sequence: done", desk.next() == DONE, desk.next())
    desk.write("tokens = 20480", "init_from = /elsewhere")
    (desk.run / "run.ini").write_text("[model]\nsequence = 256\n")
    check("train.tokens with the sequence of model.init_from: done", desk.next() == DONE, desk.next())
    (desk.run / "run.ini").write_text("[model]\nsequence = 128\n")
    check("with a shorter one it is not", desk.next() == GOES, desk.next())
    (desk.run / "run.ini").unlink()


def length_in_steps(desk):
    desk.write("steps = 10")
    check("train.steps: done", desk.next() == DONE, desk.next())
    desk.write("steps = 9")
    check("fewer steps than were done: done", desk.next() == DONE, desk.next())
    desk.write("steps = 11")
    check("more steps than were done: not", desk.next() == GOES, desk.next())


def ends_that_are_not(desk):
    desk.write("steps = 10")
    desk.attempts(("done", 10), ("stopped by SIGTERM", 10), steps=10)
    check("stopped at the last step: not done", desk.next() == GOES, desk.next())
    desk.attempts(("done", 10), None, steps=10)
    check("a killed attempt after it: not done", desk.next() == GOES, desk.next())
    desk.outcome(2, "done", 10)
    check("but for the outcome that it left", desk.next() == DONE, desk.next())
    desk.attempts(("done", 10), steps=10)
    (desk.run / "logs/outcome.1").unlink()
    check("the ledger tells without the outcome", desk.next() == DONE, desk.next())


def ends_by_the_options(desk):
    desk.attempts(("done early: valid_loss 2.4000 reached the target 2.5", 6), steps=10, stop_when="target 2.5")
    desk.write("steps = 10\nstop_when = target  2.50")
    check("ended early by the same rule: done", desk.next() == DONE, desk.next())
    desk.write("steps = 10\nstop_when = target 2")
    check("another rule: not", desk.next() == GOES, desk.next())
    desk.write("steps = 10")
    check("no rule any more: not", desk.next() == GOES, desk.next())
    desk.attempts(("paused at step 6", 6), steps=10)
    check("paused: not done", desk.next() == GOES, desk.next())


def submit_says_so(desk):
    text = desk.folder / "text.txt"
    text.write_text("".join(f"{i} times {i % 7} is {i * (i % 7)}.\n\n" for i in range(3000)))
    for words in (["tokenizer", "train", "--vocab", "300", "--output", "tokenizer.json", text],
                  ["prepare", "--tokenizer", "tokenizer.json", "--output", "data.h5", text]):
        check(f"trireme {words[0]}", desk.call(*words).returncode == 0)
    desk.attempts(("done", 10), steps=10)
    desk.write("tokens = 81920")
    said = "done already, at step 10"
    done = desk.call("submit", "tiny.ini", "--site", SITE)
    check("a finished run is submitted with a note", done.returncode == 0 and said in done.stderr, done)
    done = desk.call("submit", "tiny.ini", "--site", SITE, "--train.tokens=81921")
    check("one that is asked for more without", done.returncode == 0 and said not in done.stderr, done)


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        desk = Desk(folder)
        for case in (length_in_tokens, length_in_steps, ends_that_are_not, ends_by_the_options, submit_says_so):
            case(desk)


main()
