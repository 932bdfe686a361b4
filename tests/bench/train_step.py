"""One training step of GPT-2 124M in fp32 with one and two threads: `trireme train` against PyTorch eager with fused
AdamW, seconds per step and peak memory. Also: how soon the program starts, and its first step.

    train_step.py [ROUNDS]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from harness import alternate, ratio_line

TRIREME = os.environ["TRIREME_BIN"]
PYTHON = os.path.join(os.environ["TRIREME_VENV"], "bin", "python")
HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, SKIPPED = 6, 2
# (sequence, batch) -> the step's time over PyTorch eager's that was asked for
ASKED = {(64, 4): 0.70, (256, 4): 0.81, (1024, 1): 0.80}


def child(command, **keywords):
    """Runs a command; returns its standard output and its peak memory in kB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **keywords)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return output, usage.ru_maxrss


def prepare(directory):
    text = os.path.join(directory, "text.txt")
    with open(text, "w", encoding="utf-8") as file:
        for name in sorted(os.listdir("/usr/share/common-licenses")):
            with open(os.path.join("/usr/share/common-licenses", name), encoding="utf-8", errors="replace") as source:
                file.write(source.read())
    child([TRIREME, "tokenizer", "train", "--vocab", "1024", "--output", f"{directory}/tok.json", text])
    child([TRIREME, "prepare", "--tokenizer", f"{directory}/tok.json", "--output", f"{directory}/data.h5", text])


def compare(directory, threads, sequence, batch, asked, rounds):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    # A rank takes as many threads as its processors allow, whatever OMP_NUM_THREADS says.
    bound = ["taskset", "--cpu-list", f"0-{threads - 1}"]
    memory = {"trireme": [], "eager": []}

    def ours():
        run = f"{directory}/run"
        shutil.rmtree(run, ignore_errors=True)
        ini = f"{directory}/run.ini"
        with open(ini, "w", encoding="utf-8") as file:
            file.write(f"[run]\ndir = {run}\n[model]\npreset = gpt2-124m\nsequence = {sequence}\n"
                       f"[data]\ntrain = {directory}/data.h5\n"
                       f"[train]\nsteps = {STEPS}\nglobal_batch = {batch}\nmicro_batch = {batch}\nprecision = fp32\n"
                       "[checkpoint]\nevery_steps = 0\nevery_minutes = 0\n")
        _, peak = child([*bound, TRIREME, "train", ini], env=environment)
        memory["trireme"].append(peak)
        with open(f"{run}/metrics.jsonl", encoding="utf-8") as file:
            seconds = [json.loads(line)["seconds"] for line in file]
        shutil.rmtree(run)
        return statistics.median(seconds[SKIPPED:])

    def eager():
        command = [*bound, PYTHON, f"{HERE}/gpt2_eager.py", str(batch), str(sequence), str(STEPS), str(threads)]
        output, _ = child(command, env=environment)
        lines = [line.split() for line in output.splitlines()]
        memory["eager"].append(int(lines[-1][1]))
        return statistics.median(float(words[2]) for words in lines[SKIPPED:] if words[0] == "step")

    figures = alternate({"trireme": ours, "eager": eager}, rounds, warmup=0)
    ratio_line(f"GPT-2 124M step, fp32, B{batch}·T{sequence}, {threads} thread(s), s", figures["trireme"],
               figures["eager"], asked, names=("trireme", "PyTorch eager"))
    ratio_line(f"  peak memory, MB, B{batch}·T{sequence}", [kb / 1000 for kb in memory["trireme"]],
               [kb / 1000 for kb in memory["eager"]], 1.0, names=("trireme", "PyTorch eager"))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    directory = tempfile.mkdtemp(prefix="trireme-bench-")
    try:
        prepare(directory)
        for threads in (1, 2):
            for (sequence, batch), asked in ASKED.items():
                compare(directory, threads, sequence, batch, asked, rounds)
        start_up(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def start_up(directory):
    """Wall seconds of --help, of `checkpoint list`, and from start to the first step of a tiny model on one rank."""
    with open(f"{directory}/tiny.ini", "w", encoding="utf-8") as file:
        file.write(f"[run]\ndir = {directory}/tiny\n[model]\nlayers = 2\nhidden = 64\nheads = 4\nsequence = 32\n"
                   f"[data]\ntrain = {directory}/data.h5\n[train]\nsteps = 1\nglobal_batch = 2\nmicro_batch = 2\n")
    first_steps = []
    for _ in range(5):
        shutil.rmtree(f"{directory}/tiny", ignore_errors=True)
        start = time.time()
        process = subprocess.Popen([TRIREME, "train", f"{directory}/tiny.ini"], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("step"):
                first_steps.append(time.time() - start)
                break
        process.stdout.read()
        process.wait()
    for name, command, limit in [("trireme --help", [TRIREME, "--help"], 0.1),
                                 ("trireme checkpoint list", [TRIREME, "checkpoint", "list", f"{directory}/tiny"], 0.1)]:
        seconds = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            seconds.append(time.perf_counter() - start)
        print(f"{name}: median {statistics.median(seconds):.3f} s, best {min(seconds):.3f} (asked < {limit})")
    print(f"one CPU rank, start to first step: median {statistics.median(first_steps):.2f} s, best "
          f"{min(first_steps):.2f} (asked < 1)")


if __name__ == "__main__":
    main()
