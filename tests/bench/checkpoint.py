"""Checkpoint writing against dd with as many writers, and cold loading against a plain cold read.

checkpoint.py CHECKPOINT_BENCH [--rounds N] [--directory DIR]: GB/s, medians and bests of alternating runs. The data is
GPT-2 124M with AdamW's moments (1.49 GB); both sides end with fsync.
"""

import argparse
import os
import subprocess
import tempfile
import time

import harness


def ours(program, what, directory, writers):
    out = subprocess.run([program, what, directory, str(writers)], check=True, capture_output=True, text=True).stdout
    size, seconds = out.split()
    return int(size) / float(seconds) / 1e9


def dd(directory, writers, megabytes, extra):
    paths = [os.path.join(directory, f"dd.{w}") for w in range(writers)]
    for path in paths:
        if os.path.exists(path):
            os.remove(path)
    os.sync()
    share = megabytes // writers
    start = time.perf_counter()
    running = [subprocess.Popen(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={share}", "conv=fsync", *extra],
                                stderr=subprocess.DEVNULL) for path in paths]
    codes = [process.wait() for process in running]
    seconds = time.perf_counter() - start
    for path in paths:
        os.remove(path)
    return share * writers * 2**20 / seconds / 1e9 if not any(codes) else float("nan")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", default=None, help="on the disk to be measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        for writers in (1, 2):
            figures = harness.alternate(
                {"save": lambda: ours(arguments.program, "save", directory, writers),
                 "dd": lambda: dd(directory, writers, 1424, []),
                 "dd direct": lambda: dd(directory, writers, 1424, ["oflag=direct"])}, arguments.rounds)
            what = f"checkpoint write, {writers} writer(s), GB/s"
            harness.ratio_line(what, figures["save"], figures["dd"], 0.85, lower_is_better=False,
                               names=("trireme", "dd conv=fsync"))
            harness.ratio_line(what, figures["save"], figures["dd direct"], 0.85, lower_is_better=False,
                               names=("trireme", "dd oflag=direct conv=fsync"))
            figures = harness.alternate(
                {"load": lambda: ours(arguments.program, "load", directory, writers),
                 "read": lambda: ours(arguments.program, "read", directory, writers)}, arguments.rounds)
            harness.ratio_line(f"checkpoint load, cold, {writers} reader(s), GB/s", figures["load"], figures["read"], 0.8,
                               lower_is_better=False, names=("trireme", "plain read"))


if __name__ == "__main__":
    main()
