"""Import and export of a model of 2.7 GB in fp32, with GPT-2's transposed matrices, beside `cp` with fsync.

hub.py [ROUNDS [DIRECTORY]]: DIRECTORY should be on the disk that counts; default: a temporary one. Everything is written to
the same disk, what is read lies in the page cache for all three, and the candidates alternate.
"""

import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import harness
import numpy as np

TRIREME = os.environ["TRIREME_BIN"]
LAYERS, HIDDEN, VOCABULARY, POSITIONS, HEADS = 30, 1344, 32768, 1024, 21  # 2.79 GB
CONFIG = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": VOCABULARY, "n_positions": POSITIONS,
          "n_embd": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "n_inner": None, "activation_function": "gelu_new",
          "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True, "dtype": "float32"}
SPEED, MEMORY = 0.8, 400e6


def shapes():
    h = HIDDEN
    out = {"transformer.wte.weight": [VOCABULARY, h], "transformer.wpe.weight": [POSITIONS, h]}
    for i in range(LAYERS):
        p = f"transformer.h.{i}."
        for name, shape in (("attn.c_attn", [h, 3 * h]), ("attn.c_proj", [h, h]), ("mlp.c_fc", [h, 4 * h]),
                            ("mlp.c_proj", [4 * h, h])):
            out[p + name + ".weight"] = shape
            out[p + name + ".bias"] = shape[1:]
        for name in ("ln_1", "ln_2"):
            out[p + name + ".weight"] = out[p + name + ".bias"] = [h]
    out["transformer.ln_f.weight"] = out["transformer.ln_f.bias"] = [h]
    return dict(sorted(out.items()))


def write_model(directory):
    os.mkdir(directory)
    with open(f"{directory}/config.json", "w", encoding="utf-8") as file:
        json.dump(CONFIG, file, indent=2)
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes().items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    numbers = np.random.default_rng(1).standard_normal(1 << 22, dtype=np.float32).tobytes()
    with open(f"{directory}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for start in range(0, at, len(numbers)):
            file.write(numbers[:at - start])
    return at


def timed(arguments):
    """Seconds and peak resident memory in bytes."""
    start = time.perf_counter()
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} left with {process.returncode}: {said}")
    return seconds, usage.ru_maxrss * 1024


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.memory = {"import": [], "export": []}
        self.bytes = write_model(f"{folder}/model")
        # Once before all, so that every candidate finds its source in the page cache and the disk has nothing to do.
        self.trireme("import", f"{folder}/model", f"{folder}/checkpoint")
        os.sync()

    def trireme(self, command, source, target):
        shutil.rmtree(target, ignore_errors=True)
        os.sync()
        seconds, memory = timed([TRIREME, command, source, "-o", target])
        self.memory[command].append(memory)
        return seconds

    def read(self, directory):
        for folder, _, names in os.walk(directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    while file.read(1 << 24):
                        pass

    def copy(self):
        target = f"{self.folder}/copy"
        if os.path.exists(target):
            os.remove(target)
        os.sync()
        self.read(f"{self.folder}/model")
        # dd copies as cp does and fsyncs the file; cp itself could share blocks instead of copying them.
        return timed(["dd", f"if={self.folder}/model/model.safetensors", f"of={target}", "bs=1M", "conv=fsync"])[0]

    def run_import(self):
        self.read(f"{self.folder}/model")
        return self.trireme("import", f"{self.folder}/model", f"{self.folder}/imported")

    def run_export(self):
        self.read(f"{self.folder}/checkpoint")
        return self.trireme("export", f"{self.folder}/checkpoint", f"{self.folder}/exported")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    base = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(prefix="trireme-hub-", dir=base) as folder:
        bench = Bench(folder)
        print(f"{harness.processor()}; {bench.bytes / 1e9:.2f} GB, {os.cpu_count()} CPUs", flush=True)
        figures = harness.alternate({"copy": bench.copy, "import": bench.run_import, "export": bench.run_export}, rounds)
        same = subprocess.run(["cmp", f"{folder}/model/model.safetensors", f"{folder}/exported/model.safetensors"],
                              check=False).returncode == 0
        for name, seconds in figures.items():
            print(f"{name}: {[round(bench.bytes / 1e9 / s, 2) for s in seconds]} GB/s")
        for name in ("import", "export"):
            ours, theirs = ([bench.bytes / 1e9 / s for s in figures[n]] for n in (name, "copy"))
            harness.ratio_line(f"{name} against cp + fsync", ours, theirs, SPEED, lower_is_better=False, names=("trireme", "cp"))
            peak = max(bench.memory[name])
            print(f"{name}: peak memory {peak / 1e6:.0f} MB (asked < {MEMORY / 1e6:.0f}: {'met' if peak < MEMORY else 'MISSED'}), "
                  f"median {statistics.median(bench.memory[name]) / 1e6:.0f} MB")
        print(f"exported file: {'the same bytes' if same else 'OTHER BYTES'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
