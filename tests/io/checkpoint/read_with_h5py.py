"""h5py reads every dataset of checkpoints from several layouts, and the command line finds damage in them."""
import glob
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]
MASK = (1 << 64) - 1
SHAPES = {"embed.tokens": (37, 16), "layers.0.attention.q.weight": (16, 16), "layers.0.ffn.up.weight": (48, 16),
          "layers.0.norm.weight": (16,), "odd": (3, 5, 7), "scalar": ()}
KINDS = ["param", "adam_m", "adam_v"]


def mix(a, b):
    x = (a + 0x9E3779B97F4A7C15 * (b + 1)) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def name_hash(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def expected(kind, name, step):
    """What tests/io/checkpoint/sample_model.hpp fills a tensor with."""
    key = mix(name_hash(name), kind)
    count = int(np.prod(SHAPES[name], dtype=np.int64))
    values = [(mix(key, mix(step, flat)) >> 40) * 2.0**-24 - 0.5 for flat in range(count)]
    return np.array(values, dtype=np.float32).reshape(SHAPES[name])


def check_values(step_directory, step, dtype):
    seen = {}
    for path in sorted(glob.glob(f"{step_directory}/node_*/shard_*.h5")):
        with h5py.File(path, "r") as shard:
            assert set(shard) <= set(KINDS), list(shard)
            for kind in shard:
                for name, group in shard[kind].items():
                    for box_name, box in group.items():
                        assert box.dtype == dtype and box.chunks is None, (box.dtype, box.chunks)
                        assert box.attrs["dtype"].decode() == {"float32": "fp32", "float64": "fp64"}[dtype]
                        assert tuple(box.attrs["global_shape"]) == SHAPES[name]
                        offset = tuple(int(o) for o in box.attrs["offset"])
                        ranges = ",".join(f"{o}:{o + n}" for o, n in zip(offset, box.shape))
                        assert box_name == (ranges or "all"), box_name
                        full, count = seen.setdefault(
                            (kind, name), (np.zeros(SHAPES[name], dtype), np.zeros(SHAPES[name], int)))
                        place = tuple(slice(o, o + n) for o, n in zip(offset, box.shape))
                        full[place] = box[()]
                        count[place] += 1
    assert set(seen) == {(kind, name) for kind in KINDS for name in SHAPES}, "tensors are missing"
    for (kind, name), (full, count) in seen.items():
        assert (count == 1).all(), f"{kind} {name}: not every element is stored once"
        assert (full == expected(KINDS.index(kind), name, step)).all(), f"{kind} {name}: wrong values"


def trireme(*words):
    done = subprocess.run([TRIREME, "checkpoint", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def check_commands(run):
    code, out, _ = trireme("list", "--json", run)
    entries = json.loads(out)["checkpoints"]
    assert code == 0 and [e["step"] for e in entries] == [5, 6] and entries[0]["state"] == "committed", out
    code, out, _ = trireme("inspect", "--json", f"{run}/checkpoints/step_5")
    inspected = json.loads(out)
    assert code == 0 and len(inspected["tensors"]) == 18 and inspected["cursor"] == {"consumed_samples": 40}, out
    assert trireme("inspect", "--options", run)[1] == "[run]\nname = sample\n"
    for words in (["verify", run], ["verify", "--deep", f"{run}/checkpoints/step_5/"], ["inspect", run], ["list", run]):
        code, out, err = trireme(*words)
        assert code == 0 and out and not err, (words, out, err)
    assert json.loads(trireme("list", "--json", run)[1])["checkpoints"][0]["state"] == "verified"


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def check_damage(run):
    step = f"{run}/checkpoints/step_6"
    shard = sorted(glob.glob(f"{step}/node_*/shard_*.h5"))[-1]
    short = os.path.relpath(shard, step)
    with h5py.File(shard, "r") as file:
        kind = sorted(file)[-1]
        name = sorted(file[kind])[0]
        offset = next(iter(file[kind][name].values())).id.get_offset()
    for path, at, words in [(shard, offset, f"{kind} {name}"), (shard, 9, f"metadata of {short}"),
                            (f"{step}/BOXES.bin", 70, "BOXES.bin"), (f"{step}/MANIFEST.json", 20, "MANIFEST.json")]:
        flip(path, at)
        for extra in ([], ["--deep"]):
            code, out, err = trireme("verify", *extra, step)
            assert code == 1 and words in out and words in err and err.startswith("trireme: "), (words, out, err)
        if path.endswith("MANIFEST.json"):
            code, out, _ = trireme("list", run)
            assert code == 1 and "damaged: " + words in out, out
        flip(path, at)
    os.truncate(shard, os.path.getsize(shard) - 1)
    code, out, err = trireme("verify", step)
    assert code == 1 and f"metadata of {short}" in out, (out, err)


def check_bad_words(run):
    for words, code, says in [(["verify", run + "/nothing"], 2, "nothing"), (["list", run + "/nothing"], 2, "nothing"),
                              (["verify", "--deeep", run], 2, "--deep"), (["verfy", run], 2, "verify"),
                              (["verify"], 2, "STEP_DIR")]:
        got, out, err = trireme(*words)
        assert got == code and says in err and err.count("\n") == 1, (words, got, out, err)


def check_diff():
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        for run, step, layout, dtype in [(a, 5, ["1", "1", "1", "0"], "fp32"), (b, 5, ["2", "2", "2", "1"], "fp32"),
                                         (b, 6, ["2", "2", "2", "1"], "fp32"), (b, 7, ["1", "1", "1", "0"], "fp64")]:
            subprocess.run([WRITE_SAMPLE, run, str(step), *layout, dtype], check=True, timeout=60)
        code, out, _ = trireme("diff", a, f"{b}/checkpoints/step_5")
        assert code == 0 and "18 tensors" in out, out
        code, out, _ = trireme("diff", "--json", a, f"{b}/checkpoints/step_6")
        report = json.loads(out)
        assert code == 1 and not report["equal"] and len(report["tensors"]) == 18
        for tensor in report["tensors"]:
            kind = KINDS.index(tensor["kind"])
            old, new = expected(kind, tensor["name"], 5), expected(kind, tensor["name"], 6)
            assert tensor["differing"] == (old != new).sum() and tensor["max_a"] == np.abs(old).max()
            assert tensor["max_difference"] == np.abs(old.astype(float) - new).max(), tensor
        code, out, _ = trireme("diff", a, f"{b}/checkpoints/step_7")
        assert code == 1 and "18 of 18 tensors differ" in out, out


check_diff()
for layout in (["1", "1", "1", "0"], ["2", "1", "2", "0"], ["2", "2", "1", "1"], ["1", "3", "2", "1"]):
    for dtype in ("float32", "float64"):
        with tempfile.TemporaryDirectory() as run:
            for step in (5, 6):
                subprocess.run([WRITE_SAMPLE, run, str(step), *layout, {"float32": "fp32", "float64": "fp64"}[dtype]],
                               check=True, timeout=60)
                check_values(f"{run}/checkpoints/step_{step}", step, dtype)
            check_commands(run)
            if dtype == "float32":
                check_bad_words(run)
                check_damage(run)
print("every dataset of 16 checkpoints read back by h5py; damage found and named")
