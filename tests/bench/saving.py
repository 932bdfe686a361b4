"""What saving beside a training costs the training, on two data-parallel ranks of a model of 11 million parameters.

saving.py [ROUNDS]: runs without and with a save every few steps, alternating. Printed: how much of the time in which a
save is written the steps lose, against the processor time that a save of so many bytes takes where nothing else runs (in
the training that can't be told apart: ranks that wait for each other never sleep); and the share of the run time that
saving costs at the interval which `auto` chooses, as modelled from the measured stall and as measured.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import harness
from checkpoint import PAYLOAD, Program
from train_step import TRIREME, prepare

STEPS, EVERY, WARM_UP = 60, 4, 8
RUN = """[run]
dir = {directory}/run
[model]
layers = 6
hidden = 384
heads = 6
sequence = 128
[data]
train = {directory}/data.h5
[parallel]
dp = 2
[train]
steps = {steps}
global_batch = 8
micro_batch = 4
precision = fp32
[checkpoint]
every_steps = {every}
every_minutes = 0
shards_per_node = 2
"""
UNITS = {"ms": 1e-3, "s": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def command(directory, *options):
    return ["mpirun", "-n", "2", "--bind-to", "none", "--oversubscribe", TRIREME, "train", f"{directory}/run.ini", *options]


def train(directory, every):
    """After the warm-up: for each save what the steps beside it took longer than others do, for each second of its writing;
    seconds in all; of each save the bytes, the seconds from start to commit, and the stall."""
    shutil.rmtree(f"{directory}/run", ignore_errors=True)
    with open(f"{directory}/run.ini", "w", encoding="utf-8") as file:
        file.write(RUN.format(directory=directory, steps=STEPS, every=every))
    said = subprocess.run(command(directory), check=True, capture_output=True, text=True).stdout
    saves = {int(found[0]): tuple(float(figure) * UNITS[unit] for figure, unit in zip(found[1::2], found[2::2]))
             for found in re.findall(r"step_(\d+) \(([\d.]+) ([kMG]B) in ([\d.]+) (m?s), of which the training waited "
                                     r"([\d.]+) (m?s)\)", said)}
    saves.pop(STEPS, None)  # the last one is waited for
    with open(f"{directory}/run/metrics.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    ends = {line["step"]: line["time"] for line in lines}
    steps = [(line["time"] - line["seconds"], line["time"]) for line in lines[WARM_UP:]]
    saves = {step: save for step, save in saves.items() if step >= WARM_UP}
    times = {step: (ends[step], ends[step] + whole) for step, (_, whole, _) in saves.items()}
    shared = lambda one, other: max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    alone = statistics.median(end - begin for begin, end in steps
                              if not any(shared((begin, end), time) for time in times.values()))
    losses = []
    for time in times.values():
        beside = [step for step in steps if shared(step, time) > 0]
        if beside:
            losses.append(sum(end - begin - alone for begin, end in beside) / sum(shared(step, time) for step in beside))
    return {"losses": losses, "seconds": ends[STEPS] - ends[WARM_UP], "saves": list(saves.values())}


def processor_seconds(directory):
    """Of a save beside nothing, for each byte."""
    os.mkdir(f"{directory}/alone")
    bench = Program(os.path.join(os.path.dirname(TRIREME), "..", "bench", "checkpoint_bench"), f"{directory}/alone", "2")
    bench.save("async")  # its memory is there now
    seconds = []
    for _ in range(3):
        seconds.append(bench.seconds("async-cpu"))
        bench.seconds("clean")
    bench.close()
    return statistics.median(seconds) / PAYLOAD


def chosen_interval(directory):
    """Minutes between saves, the stall that was measured and hours between interruptions, as `auto` says them after the first
    save, which we ask for."""
    shutil.rmtree(f"{directory}/run")
    process = subprocess.Popen(command(directory, "--checkpoint.every_steps=0", "--checkpoint.every_minutes=auto",
                                       "--train.steps=100000"), stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    while not os.path.exists(f"{directory}/run/metrics.jsonl"):
        time.sleep(0.1)
    subprocess.run([TRIREME, "save", f"{directory}/run"], check=True, capture_output=True)
    for line in process.stdout:
        found = re.search(r"next checkpoint in ([\d.]+) min.*, of which training waits ([\d.e-]+) (m?s)", line)
        if found:
            break
    subprocess.run([TRIREME, "stop", f"{directory}/run"], check=True, capture_output=True)
    process.communicate()
    prior_device_hours, ranks = 50_000, 2  # slurm/job/save_interval.hpp; nothing has failed yet
    minutes, stall, unit = found.groups()
    return [float(minutes), float(stall) / (1000 if unit == "ms" else 1), prior_device_hours / ranks]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    directory = tempfile.mkdtemp(prefix="trireme-bench-", dir="/var/tmp")
    try:
        prepare(directory)
        figures = harness.alternate({"without": lambda: train(directory, 0), "with": lambda: train(directory, EVERY)}, rounds)
        both = list(zip(figures["without"], figures["with"]))
        saves = [save for run in figures["with"] for save in run["saves"]]
        losses = sorted(loss for run in figures["with"] for loss in run["losses"])
        lower, middle, upper = statistics.quantiles(losses, n=4)
        bytes_saved, whole, stalled = (statistics.median(figures) for figures in zip(*saves))
        print(f"{len(saves)} saves of {bytes_saved / 1e6:.0f} MB, from start to commit median {whole:.3f} s, of which the training "
              f"waited {stalled:.3f} s")
        share = processor_seconds(directory) * bytes_saved / (2 * whole)
        print(f"while a save is written, steps lose median {100 * middle:.1f}% of that time (half of the saves: {100 * lower:.1f} "
              f"to {100 * upper:.1f}%); the save's own processor time is {100 * share:.1f}% of the two CPUs in it")
        minutes, stall, hours = chosen_interval(directory)
        extra = statistics.median((b["seconds"] - a["seconds"]) / len(b["saves"]) for a, b in both)
        for devices in (2, 1024):
            mean = 3600 * hours * 2 / devices
            interval = 60 * minutes if devices == 2 else min(3600.0, max(60.0, (2 * stall * mean) ** 0.5))
            modelled, measured = (cost / interval + interval / (2 * mean) for cost in (stall, max(extra, 0.0)))
            print(f"overhead at {interval / 60:.1f} min, {devices} devices: modelled {100 * modelled:.4f}% (asked <= 0.5%: "
                  f"{'met' if modelled <= 0.005 else 'MISSED'}), with the {extra:.3f} s that a save made the run longer "
                  f"{100 * measured:.4f}%")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
