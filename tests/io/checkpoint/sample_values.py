"""What tests/io/checkpoint/sample_model.hpp fills tensors with, and whether h5py finds it in a checkpoint."""
import glob

import h5py
import numpy as np

SHAPES = {"embed.tokens": (37, 16), "layers.0.attention.q.weight": (16, 16), "layers.0.ffn.up.weight": (48, 16),
          "layers.0.norm.weight": (16,), "odd": (3, 5, 7), "scalar": ()}
SLOTS = ["param", "adam_m", "adam_v"]
TENSORS = {(slot, name): shape for slot in SLOTS for name, shape in SHAPES.items()}


def mix(a, b):
    """On numpy arrays of uint64; sums and products lose what goes beyond 64 bits."""
    x = a + np.uint64(0x9E3779B97F4A7C15) * (b + np.uint64(1))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def name_hash(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return value


def expected(slot, name, step, tensors=TENSORS):
    shape = tensors[SLOTS[slot], name]
    count = int(np.prod(shape, dtype=np.int64))
    key = mix(np.array([name_hash(name)], np.uint64), np.array([slot], np.uint64))
    flat = np.arange(count, dtype=np.uint64)
    bits = mix(key, mix(np.array([step], np.uint64), flat))
    return ((bits >> np.uint64(40)) * 2.0**-24 - 0.5).astype(np.float32).reshape(shape)


def check_values(step_directory, step, dtype, tensors=TENSORS):
    """AssertionError unless the shards hold exactly these tensors, every element once, with step's values."""
    seen = {}
    for path in sorted(glob.glob(f"{step_directory}/node_*/shard_*.h5")):
        with h5py.File(path, "r") as shard:
            assert set(shard) <= set(SLOTS), list(shard)
            for slot in shard:
                for name, group in shard[slot].items():
                    for box_name, box in group.items():
                        add_box(seen, tensors, (slot, name), box_name, box, dtype)
    assert set(seen) == set(tensors), "tensors are missing"
    for (slot, name), (full, count) in seen.items():
        assert (count == 1).all(), f"{slot} {name}: not every element is stored once"
        assert (full == expected(SLOTS.index(slot), name, step, tensors)).all(), f"{slot} {name}: wrong values"


def add_box(seen, tensors, tensor, box_name, box, dtype):
    shape = tensors[tensor]
    assert box.dtype == dtype and box.chunks is None, (box.dtype, box.chunks)
    assert box.attrs["dtype"].decode() == {"float32": "fp32", "float64": "fp64"}[dtype]
    assert tuple(box.attrs["global_shape"]) == shape
    offset = tuple(int(o) for o in box.attrs["offset"])
    ranges = ",".join(f"{o}:{o + n}" for o, n in zip(offset, box.shape))
    assert box_name == (ranges or "all"), box_name
    full, count = seen.setdefault(tensor, (np.zeros(shape, dtype), np.zeros(shape, int)))
    place = tuple(slice(o, o + n) for o, n in zip(offset, box.shape))
    full[place] = box[()]
    count[place] += 1
