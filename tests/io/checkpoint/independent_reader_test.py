"""Checkpoints of several layouts, read by the reader that was written from the format's page alone, by h5py and by
h5dump: they agree with what was saved and with what `trireme checkpoint` says. Then that reader's checks are checked."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import reader_from_docs
from sample_values import KINDS, SHAPES, expected

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]
STEP = 5


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def check_values(checkpoint, dtype):
    assert set(checkpoint.tensors) == {(kind, name) for kind in KINDS for name in SHAPES}
    by_hdf5 = checkpoint.read_by_hdf5()
    for (kind, name), values in checkpoint.tensors.items():
        assert values.dtype == dtype and np.array_equal(values, expected(KINDS.index(kind), name, STEP)), (kind, name)
        assert np.array_equal(values, by_hdf5[kind, name]), (kind, name)


def check_inspect(checkpoint):
    told = json.loads(run(TRIREME, "checkpoint", "inspect", "--json", checkpoint.directory))
    for member, value in checkpoint.manifest.items():
        assert told[member] == value, member
    ours = [(t.kind, t.name, list(t.shape), t.dtype[0], t.boxes) for t in checkpoint.table.tensors]
    assert [(t["kind"], t["name"], t["shape"], t["dtype"], t["boxes"]) for t in told["tensors"]] == ours
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
                run("h5dump", "-d", f"/{tensor.kind}/{tensor.name}/{ranges}", "-b", "LE", "-o", out.name, path)
                values = np.fromfile(out.name, tensor.dtype[1]).reshape(box.shape)
            place = tuple(slice(o, o + n) for o, n in zip(box.offset, box.shape))
            assert np.array_equal(values, checkpoint.tensors[tensor.kind, tensor.name][place]), (path, tensor, box)


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
            checkpoints += 1
            shards += len(read.manifest["files"])
print(f"{checkpoints} checkpoints, {shards} shards: the reader from the docs, h5py, h5dump and trireme agree")
