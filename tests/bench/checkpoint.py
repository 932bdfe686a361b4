"""Checkpoints against the machine and against torch.distributed.checkpoint.

checkpoint.py [CHECKPOINT_BENCH] [--rounds N] [--directory DIR]: medians and bests of alternating runs. The data is GPT-2
124M with AdamW's moments (1.49 GB); every writer ends with fsync, checksums are on. Writing against dd with as many
writers, the stall of a save beside the training against a memcpy of the same bytes, cold loading against a plain cold
read, and both against torch.distributed.checkpoint (DCP) with two ranks, on the disk and on /dev/shm.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import harness


class Program:
    """A program that is kept running, as a training is, and does a timed operation for each word."""

    def __init__(self, *words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def ask(self, word):
        """GB/s."""
        return PAYLOAD / max(self.seconds(word), 1e-9) / 1e9

    def save(self, word="save"):
        speed = self.ask(word)
        self.ask("clean")
        return speed

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# Bytes of all tensors; what padding and metadata add counts for nobody.
PAYLOAD = 1492927488


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


def against_machine(program, directory, writers, rounds):
    bench = Program(program, directory, str(writers))
    figures = harness.alternate(
        {"save": bench.save,
         "async": lambda: bench.save("async"),
         "dd": lambda: dd(directory, writers, 1424, []),
         "dd direct": lambda: dd(directory, writers, 1424, ["oflag=direct"])}, rounds)
    for ours, what in (("save", "write"), ("async", "write beside the training")):
        for peer, name in (("dd", "dd conv=fsync"), ("dd direct", "dd oflag=direct conv=fsync")):
            harness.ratio_line(f"checkpoint {what}, {writers} writer(s), GB/s", figures[ours], figures[peer], 0.9,
                               lower_is_better=False, names=("trireme", name))
    figures = harness.alternate({"stall": lambda: bench.seconds("stall"), "copy": lambda: bench.seconds("copy")}, rounds)
    harness.ratio_line(f"stall of a save beside the training, {writers} writer(s), s", figures["stall"], figures["copy"], 1.5,
                       names=("trireme", "memcpy"))
    bench.ask("save")
    figures = harness.alternate(
        {"load": lambda: bench.ask("load"), "read": lambda: bench.ask("read"),
         "read-direct": lambda: bench.ask("read-direct")}, rounds)
    bench.close()
    for peer, name in (("read", "plain read"), ("read-direct", "direct read")):
        harness.ratio_line(f"checkpoint load, cold, {writers} reader(s), GB/s", figures["load"], figures[peer], 0.85,
                           lower_is_better=False, names=("trireme", name))


def against_dcp(program, directory, where, rounds):
    bench = Program(program, directory, "2")
    peer = Program(sys.executable, os.path.join(os.path.dirname(__file__), "dcp_peer.py"), directory, "2")
    figures = harness.alternate({"save": bench.save, "dcp": peer.save}, rounds)
    harness.ratio_line(f"checkpoint write, 2 ranks, {where}, GB/s", figures["save"], figures["dcp"], 2.0,
                       lower_is_better=False, names=("trireme", "DCP"))
    bench.ask("save")
    peer.ask("save")
    figures = harness.alternate({"load": lambda: bench.ask("load"), "dcp": lambda: peer.ask("load")}, rounds)
    harness.ratio_line(f"checkpoint load, 2 ranks, {where}, GB/s", figures["load"], figures["dcp"], 2.0,
                       lower_is_better=False, names=("trireme", "DCP"))
    bench.close()
    peer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", help="default: checkpoint_bench beside the program of TRIREME_BIN",
                        default=os.path.join(os.path.dirname(os.environ.get("TRIREME_BIN", "")), "..", "bench", "checkpoint_bench"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", default=None, help="on the disk to be measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        for writers in (1, 2):
            against_machine(arguments.program, directory, writers, arguments.rounds)
        against_dcp(arguments.program, directory, "disk", arguments.rounds)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        against_dcp(arguments.program, directory, "tmpfs", arguments.rounds)


if __name__ == "__main__":
    main()
