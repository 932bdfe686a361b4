"""What tests/io/checkpoint/sample_model.hpp fills its tensors with."""
import numpy as np

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
    key = mix(name_hash(name), kind)
    count = int(np.prod(SHAPES[name], dtype=np.int64))
    values = [(mix(key, mix(step, flat)) >> 40) * 2.0**-24 - 0.5 for flat in range(count)]
    return np.array(values, dtype=np.float32).reshape(SHAPES[name])
