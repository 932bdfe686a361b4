"""The average of three checkpoints of 1.5 GB each, beside a copy of one of them with fsync.

average.py [ROUNDS [DIRECTORY]]: DIRECTORY should be on the disk that counts; default: a temporary one. What is read lies in
the page cache for both, everything is written to the same disk, and the candidates alternate. Speeds are bytes written in a
second: an averaging reads three times as many.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import harness
import hub
import numpy as np

hub.LAYERS = hub.CONFIG["n_layer"] = 16  # 1.57 GB
SOURCES, SPEED, MEMORY = 3, 0.8, 400e6


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.memory = []
        self.sources = [f"{folder}/source-{i}" for i in range(SOURCES)]
        rng = np.random.default_rng(1)
        for source in self.sources:
            self.bytes = hub.write_model(f"{folder}/model")
            with open(f"{folder}/model/model.safetensors", "r+b") as file:  # other numbers at the end of each
                file.seek(-(1 << 24), os.SEEK_END)
                file.write(rng.standard_normal(1 << 22, dtype=np.float32).tobytes())
            hub.timed([hub.TRIREME, "import", f"{folder}/model", "-o", source])
            shutil.rmtree(f"{folder}/model")
        os.sync()

    def read_sources(self):
        for source in self.sources:
            for name in os.listdir(f"{source}/node_0"):
                with open(f"{source}/node_0/{name}", "rb") as file:
                    while file.read(1 << 24):
                        pass

    def copy(self):
        target = f"{self.folder}/copy"
        if os.path.exists(target):
            os.remove(target)
        os.sync()
        self.read_sources()
        return hub.timed(["dd", f"if={self.sources[0]}/node_0/shard_0.h5", f"of={target}", "bs=1M", "conv=fsync"])[0]

    def average(self):
        target = f"{self.folder}/average"
        shutil.rmtree(target, ignore_errors=True)
        os.sync()
        self.read_sources()
        seconds, memory = hub.timed([hub.TRIREME, "checkpoint", "average", *self.sources, "-o", target])
        self.memory.append(memory)
        return seconds


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    base = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(prefix="trireme-average-", dir=base) as folder:
        bench = Bench(folder)
        print(f"{harness.processor()}; {SOURCES} x {bench.bytes / 1e9:.2f} GB, {os.cpu_count()} CPUs, load "
              f"{os.getloadavg()[0]:.1f}", flush=True)
        figures = harness.alternate({"copy": bench.copy, "average": bench.average}, rounds)
        for name, seconds in figures.items():
            print(f"{name}: {[round(bench.bytes / 1e9 / s, 2) for s in seconds]} GB/s")
        ours, theirs = ([bench.bytes / 1e9 / s for s in figures[name]] for name in ("average", "copy"))
        harness.ratio_line("average against cp + fsync", ours, theirs, SPEED, lower_is_better=False, names=("trireme", "cp"))
        peak = max(bench.memory)
        print(f"peak memory {peak / 1e6:.0f} MB (asked < {MEMORY / 1e6:.0f}: {'met' if peak < MEMORY else 'MISSED'}), "
              f"median {statistics.median(bench.memory) / 1e6:.0f} MB")
        good = subprocess.run([hub.TRIREME, "checkpoint", "verify", f"{folder}/average"], check=False,
                              stdout=subprocess.DEVNULL).returncode == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
