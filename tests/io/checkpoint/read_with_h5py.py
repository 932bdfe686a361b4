"""h5py reads every dataset of checkpoints from several layouts, and the command line finds damage in them."""
import glob
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

from sample_values import SHAPES, SLOTS, check_values, expected

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]


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
        slot = sorted(file)[-1]
        name = sorted(file[slot])[0]
        offset = next(iter(file[slot][name].values())).id.get_offset()
    for path, at, words in [(shard, offset, f"{slot} {name}"), (shard, 9, f"metadata of {short}"),
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
            slot = SLOTS.index(tensor["slot"])
            old, new = expected(slot, tensor["name"], 5), expected(slot, tensor["name"], 6)
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
