"""Checkpoints of several layouts, read by the reader that was written from the format's page alone, by h5py and by
h5dump: they agree with what was saved and with what `trireme checkpoint` says. Then that reader's checks are checked.
The same of checkpoints of version 1, which an earlier write_sample wrote."""
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import h5py
import numpy as np

import reader_from_docs
from sample_values import SHAPES, SLOTS, expected

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]
STEP = 5
VERSION_1 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "version_1.tar.xz")
VERSION_1_LAYOUTS = {"dp2": ("2 2 1 1", "fp32"), "hub": ("1 1 1 0", "fp64")}


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def check_values(checkpoint, dtype):
    assert set(checkpoint.tensors) == {(slot, name) for slot in SLOTS for name in SHAPES}
    by_hdf5 = checkpoint.read_by_hdf5()
    for (slot, name), values in checkpoint.tensors.items():
        assert values.dtype == dtype and np.array_equal(values, expected(SLOTS.index(slot), name, STEP)), (slot, name)
        assert np.array_equal(values, by_hdf5[slot, name]), (slot, name)


def check_inspect(checkpoint):
    told = json.loads(run(TRIREME, "checkpoint", "inspect", "--json", checkpoint.directory))
    for member, value in checkpoint.manifest.items():
        assert told[member] == value, member
    ours = [(t.slot, t.name, list(t.shape), t.dtype[0], t.boxes) for t in checkpoint.table.tensors]
    assert [(t["slot"], t["name"], t["shape"], t["dtype"], t["boxes"]) for t in told["tensors"]] == ours
    assert "damaged" not in run(TRIREME, "checkpoint", "verify", "--deep", checkpoint.directory)


def check_h5dump(checkpoint):
    """Every dataset of every shard, value by value."""
    for index in range(len(checkpoint.manifest["files"])):
        path = checkpoint.shard(index)
        if path.endswith("/HUB.json"):
            continue
        assert "ERROR" not in run("h5dump", path).upper().replace("ERRORS", "")
        for box in checkpoint.table.boxes:
            if box.file != index:
                continue
            tensor = checkpoint.table.tensors[box.tensor]
            ranges = ",".join(f"{o}:{o + n}" for o, n in zip(box.offset, box.shape)) or "all"
            with tempfile.NamedTemporaryFile() as out:
                run("h5dump", "-d", f"/{tensor.slot}/{tensor.name}/{ranges}", "-b", "LE", "-o", out.name, path)
                values = np.fromfile(out.name, tensor.dtype[1]).reshape(box.shape)
            place = tuple(slice(o, o + n) for o, n in zip(box.offset, box.shape))
            assert np.array_equal(values, checkpoint.tensors[tensor.slot, tensor.name][place]), (path, tensor, box)


def check_damage(checkpoint):
    """The reader must not be one that accepts anything."""
    data = checkpoint.table.boxes[0]
    places = [(f"{checkpoint.directory}/MANIFEST.json", 40), (f"{checkpoint.directory}/BOXES.bin", 80),
              (checkpoint.shard(data.file), data.at + 1), (checkpoint.shard(0), 9),
              (checkpoint.shard(0), os.path.getsize(checkpoint.shard(0)) - 1)]
    for path, at in places:
        with open(path, "r+b") as file:
            for refused in (True, False):  # damaged, repaired
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1]))
                file.flush()
                try:
                    reader_from_docs.Checkpoint(checkpoint.directory)
                    assert not refused, (path, at)
                except reader_from_docs.Damage:
                    assert refused, (path, at)


def check_hub(checkpoint):
    """HUB.json is one of the files, and every byte of it counts."""
    assert checkpoint.manifest["files"][-1]["name"] == "HUB.json"
    path = f"{checkpoint.directory}/HUB.json"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text == '{"format": "trireme-hub"}\n'
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("t", "T", 1))
    done = subprocess.run([TRIREME, "checkpoint", "verify", checkpoint.directory], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "metadata of HUB.json" in done.stderr, done
    try:
        reader_from_docs.Checkpoint(checkpoint.directory)
        assert False, "a changed HUB.json was read"
    except reader_from_docs.Damage:
        pass


def check_version_1(directory):
    with tarfile.open(VERSION_1) as archive:
        archive.extractall(directory)
    for name, (layout, dtype) in VERSION_1_LAYOUTS.items():
        read = reader_from_docs.Checkpoint(f"{directory}/{name}/checkpoints/step_{STEP}")
        assert read.manifest["version"] == 1 and open(f"{read.directory}/BOXES.bin", "rb").read(8) == b"TRBOXES1"
        check_values(read, {"fp32": np.float32, "fp64": np.float64}[dtype])
        check_inspect(read)
        assert "version 1" in run(TRIREME, "checkpoint", "inspect", read.directory)
        check_h5dump(read)
        check_beside_version_2(read, layout, dtype)
        check_damage(read)


def check_beside_version_2(old, layout, dtype):
    """The same state saved today: the same shards beside another BOXES.bin and manifest; a copy keeps its version."""
    os.makedirs(f"{old.directory}.new")
    run(WRITE_SAMPLE, f"{old.directory}.new", str(STEP), *layout.split(), dtype)
    new = reader_from_docs.Checkpoint(f"{old.directory}.new/checkpoints/step_{STEP}")
    assert new.manifest["version"] == 2 and new.slots() == ["param", "adam_m", "adam_v"] == old.slots()[:3]
    for index in range(len(new.manifest["files"])):
        with open(old.shard(index), "rb") as one, open(new.shard(index), "rb") as other:
            assert one.read() == other.read(), old.shard(index)
    assert "equal, bit for bit" in run(TRIREME, "checkpoint", "diff", old.directory, new.directory)
    run(TRIREME, "checkpoint", "copy", old.directory, f"{old.directory}.copy")
    assert reader_from_docs.Checkpoint(f"{old.directory}.copy/step_{STEP}").manifest == old.manifest
    run(TRIREME, "checkpoint", "view", old.directory, "-o", f"{old.directory}.h5")
    with h5py.File(f"{old.directory}.h5") as view:
        for (slot, name), values in old.tensors.items():
            assert np.array_equal(view[slot][name][()], values), (slot, name)


checkpoints = shards = 0
for layout in ("1 1 1 0", "2 1 2 0", "2 2 1 1", "1 3 2 1"):
    for dtype in ("fp32", "fp64"):
        hub = ["hub"] if (layout, dtype) == ("2 1 2 0", "fp32") else []
        with tempfile.TemporaryDirectory() as directory:
            run(WRITE_SAMPLE, directory, str(STEP), *layout.split(), dtype, *hub)
            read = reader_from_docs.Checkpoint(f"{directory}/checkpoints/step_{STEP}")
            check_values(read, {"fp32": np.float32, "fp64": np.float64}[dtype])
            check_inspect(read)
            if dtype == "fp32":
                check_h5dump(read)
            check_damage(read)
            if hub:
                check_hub(read)
            assert read.manifest["version"] == 2
            checkpoints += 1
            shards += len(read.manifest["files"])
with tempfile.TemporaryDirectory() as directory:
    check_version_1(directory)
print(f"{len(VERSION_1_LAYOUTS)} checkpoints of version 1 are read, verified, compared, copied and viewed")
print(f"{checkpoints} checkpoints, {shards} shards: the reader from the docs, h5py, h5dump and trireme agree")
