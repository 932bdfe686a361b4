"""Checkpoint writing against dd with as many writers, and cold loading against a plain cold read.

checkpoint.py CHECKPOINT_BENCH [--rounds N] [--directory DIR]: GB/s, medians and bests of alternating runs. The data is
GPT-2 124M with AdamW's moments (1.49 GB); both sides end with fsync.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import harness


class Ours:
    """The bench program, kept running as a training is."""

    def __init__(self, program, directory, writers):
        self.process = subprocess.Popen([program, directory, str(writers)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return PAYLOAD / max(float(self.process.stdout.readline()), 1e-9) / 1e9

    def save(self):
        speed = self.ask("save")
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
            bench = Ours(arguments.program, directory, writers)
            figures = harness.alternate(
                {"save": bench.save,
                 "dd": lambda: dd(directory, writers, 1424, []),
                 "dd direct": lambda: dd(directory, writers, 1424, ["oflag=direct"])}, arguments.rounds)
            what = f"checkpoint write, {writers} writer(s), GB/s"
            for peer, name in (("dd", "dd conv=fsync"), ("dd direct", "dd oflag=direct conv=fsync")):
                harness.ratio_line(what, figures["save"], figures[peer], 0.85, lower_is_better=False,
                                   names=("trireme", name))
            bench.ask("save")
            figures = harness.alternate(
                {"load": lambda: bench.ask("load"), "read": lambda: bench.ask("read"),
                 "read-direct": lambda: bench.ask("read-direct")}, arguments.rounds)
            bench.close()
            for peer, name in (("read", "plain read"), ("read-direct", "direct read")):
                harness.ratio_line(f"checkpoint load, cold, {writers} reader(s), GB/s", figures["load"], figures[peer], 0.8,
                                   lower_is_better=False, names=("trireme", name))


if __name__ == "__main__":
    main()
