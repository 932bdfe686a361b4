"""Muon: its Newton-Schulz over the matrix products that it consists of, and its training step over AdamW's, at
L6·D384·V8192 with 16,384 tokens a step, fp32, two threads.

    optimizers.py [ROUNDS]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from harness import alternate, processor, ratio_line, wait_for_cpus

TRIREME = os.environ["TRIREME_BIN"]
PROGRAM = os.path.join(os.path.dirname(TRIREME), "..", "bench", "optimizers_bench")
HIDDEN, FFN = 384, 1024
STEPS, SKIPPED = 5, 2
ASKED_STEP, ASKED_PRODUCTS = 1.15, 1.25


def newton_schulz(rounds):
    for threads in (1, 2):
        health = wait_for_cpus()
        command = [PROGRAM, str(threads), str(10 * rounds), str(HIDDEN), str(FFN)]
        words = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        ours, best, bound, best_bound, rate = (float(words[index]) for index in (1, 2, 4, 5, 7))
        met = "met" if ours / bound <= ASKED_PRODUCTS else "MISSED"
        print(f"Newton-Schulz of a layer, {threads} thread(s): median {1e3 * ours:.2f} ms, best {1e3 * best:.2f}; its "
              f"products {1e3 * bound:.2f} ms, best {1e3 * best_bound:.2f} ({rate:.0f} GFLOP/s); median ratio "
              f"{ours / bound:.3f}, best ratio {best / best_bound:.3f} (asked <= {ASKED_PRODUCTS}: {met})"
              + ("" if health >= 0.9 else f"; CPU health {health:.2f} at its start"), flush=True)


def prepare(directory):
    text = os.path.join(directory, "text.txt")
    with open(text, "w", encoding="utf-8") as file:
        for name in sorted(os.listdir("/usr/share/common-licenses")):
            with open(os.path.join("/usr/share/common-licenses", name), encoding="utf-8", errors="replace") as source:
                file.write(source.read())
    for command in (["tokenizer", "train", "--vocab", "8192", "--output", f"{directory}/tok.json", text],
                    ["prepare", "--tokenizer", f"{directory}/tok.json", "--output", f"{directory}/data.h5", text]):
        subprocess.run([TRIREME, *command], check=True, stdout=subprocess.DEVNULL)


def seconds_of_step(directory, optimizer):
    run = f"{directory}/run"
    shutil.rmtree(run, ignore_errors=True)
    with open(f"{directory}/run.ini", "w", encoding="utf-8") as file:
        file.write(f"[run]\ndir = {run}\n[model]\narch = llama\nlayers = 6\nhidden = {HIDDEN}\nheads = 6\nffn = {FFN}\n"
                   f"sequence = 256\nvocab = 8192\n[data]\ntrain = {directory}/data.h5\n"
                   f"[train]\nsteps = {STEPS}\nglobal_batch = 64\nmicro_batch = 8\nprecision = fp32\n"
                   f"[optimizer]\nname = {optimizer}\n[checkpoint]\nevery_steps = 0\nevery_minutes = 0\npreflight = false\n")
    subprocess.run([TRIREME, "train", f"{directory}/run.ini"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "OMP_NUM_THREADS": "2"})
    with open(f"{run}/metrics.jsonl", encoding="utf-8") as file:
        seconds = [line["seconds"] for line in map(json.loads, file) if "seconds" in line]
    return statistics.median(seconds[SKIPPED:])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(processor())
    newton_schulz(rounds)
    with tempfile.TemporaryDirectory(prefix="trireme-bench-") as directory:
        prepare(directory)
        figures = alternate({name: lambda name=name: seconds_of_step(directory, name) for name in ("muon", "adamw")},
                            rounds, warmup=0)
    ratio_line(f"step of L6·D{HIDDEN}·V8192, 16,384 tokens, fp32, 2 threads, s", figures["muon"], figures["adamw"],
               ASKED_STEP, names=("Muon", "AdamW"))


if __name__ == "__main__":
    main()
