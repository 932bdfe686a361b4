"""Checkpoints against the machine and against torch.distributed.checkpoint.

checkpoint.py [CHECKPOINT_BENCH] [--rounds N] [--directory DIR]: medians and bests of alternating runs. The data is GPT-2
124M with AdamW's moments (1.49 GB); every writer ends with fsync, checksums are on. Writing against dd with as many
writers, the stall of a save beside the training against a memcpy of the same bytes, cold loading against a plain cold
read, loading in another layout against loading in the same one, and both against torch.distributed.checkpoint (DCP) with two ranks, on the disk and on /dev/shm.
"""

import argparse
import json
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
        {"load": lambda: bench.ask("load"), "reshard": lambda: bench.ask("reshard"), "read": lambda: bench.ask("read"),
         "read-direct": lambda: bench.ask("read-direct")}, rounds)
    excess = {what: bench.seconds(word) for what, word in (("all", "excess"), ("parameters alone", "excess-weights"))}
    bench.close()
    harness.ratio_line(f"load in another layout, cold, {writers} reader(s), s", [PAYLOAD / 1e9 / g for g in figures["reshard"]],
                       [PAYLOAD / 1e9 / g for g in figures["load"]], 1.25, names=("other layout", "same layout"))
    for what, ratio in excess.items():
        print(f"bytes read over those of the checksum blocks that are needed, {writers} reader(s), {what}: {ratio:.4f} "
              f"(asked <= 1.05: {'met' if ratio <= 1.05 else 'MISSED'})")
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


def metadata(program, directory):
    """A checkpoint of 4096 ranks beside its data, against the seconds it may take, and what `checkpoint list` opens."""
    done = subprocess.run([program, directory], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(f"metadata of {found['ranks']} ranks, {found['tensors']} tensors in {found['stored_boxes']} boxes, {found['shards']} "
          f"shards, BOXES.bin of {found['boxes_bytes'] / 1e6:.1f} MB")
    tables = found["write"]["seconds"] + found["parse"]["seconds"]
    for what, seconds, limit in (("planned", found["plan"]["seconds"], 10),
                                 ("manifest and box table written and parsed", tables, 5)):
        print(f"  {what}: {seconds:.2f} s (allowed {limit}){'' if seconds < limit else ': MISSED'}")
    trace = os.path.join(directory, "trace")
    start = time.perf_counter()
    subprocess.run(["strace", "-f", "-e", "trace=open,openat", "-o", trace, os.environ["TRIREME_BIN"], "checkpoint", "list",
                    directory], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    with open(trace, encoding="utf-8") as file:
        opened = {os.path.basename(line.split('"')[1]) for line in file if "/step_1/" in line}
    print(f"  checkpoint list: {seconds:.2f} s under strace, opens {', '.join(sorted(opened)[:3])} and {max(0, len(opened) - 3)} "
          f"more{'' if opened == {'MANIFEST.json'} else ': MISSED, the manifest is enough'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", help="default: checkpoint_bench beside the program of TRIREME_BIN",
                        default=os.path.join(os.path.dirname(os.environ.get("TRIREME_BIN", "")), "..", "bench", "checkpoint_bench"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", default=None, help="on the disk to be measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        metadata(os.path.join(os.path.dirname(arguments.program), "metadata_bench"), directory)
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        for writers in (1, 2):
            against_machine(arguments.program, directory, writers, arguments.rounds)
        against_dcp(arguments.program, directory, "disk", arguments.rounds)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        against_dcp(arguments.program, directory, "tmpfs", arguments.rounds)


if __name__ == "__main__":
    main()
