"""safetensors_library_test: our reader and writer of headers beside the library safetensors.

Files that the library writes are read, and their headers are written again as the same bytes. Of damaged ones, what the
library refuses is refused here too."""
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

PROBE = sys.argv[1]
SEED = random.randrange(1 << 32) if len(sys.argv) < 3 else int(sys.argv[2])
RANDOM = random.Random(SEED)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64]
NAMES = ["a", "model.layers.0.q.weight", "h.0.attn.bias", "é", "日本", "quote\"", "back\\slash", "tab\t", "new\nline", "\x1f\x7f",
         "emoji 😀", "", "__metadata", "/slash/"]


def check(condition, text):
    if not condition:
        print(f"FAILED (seed {SEED}): {text}")
        sys.exit(1)


def random_file(path):
    tensors = {}
    for name in RANDOM.sample(NAMES, RANDOM.randrange(len(NAMES) + 1)):
        shape = [RANDOM.choice([0, 1, 2, 3, 5]) for _ in range(RANDOM.randrange(5))]
        tensors[name] = torch.zeros(shape, dtype=RANDOM.choice(TYPES))
    # The library writes several texts in no fixed order.
    metadata = RANDOM.choice([None, {"format": "pt"}, {"a \"key\"": "line\nend \\ é\x01"}])
    save_file(tensors, path, metadata=metadata)


def probe(paths):
    done = subprocess.run([PROBE, *map(str, paths)], capture_output=True, text=True, check=False, timeout=100)
    check(done.returncode == 0, f"the probe left with {done.returncode}: {done.stderr}")
    lines = done.stdout.splitlines()
    check(len(lines) == len(paths), "the probe answers each file once")
    return lines


def header_of(data):
    length = struct.unpack("<Q", data[:8])[0]
    return data[:8 + length]


def library_reads(path):
    try:
        with safe_open(path, "pt") as file:
            file.keys()
        return True
    except (SafetensorError, ValueError, UnicodeDecodeError, OSError):
        return False


def damaged(data):
    """A random change of a file."""
    data = bytearray(data)
    kind = RANDOM.randrange(6)
    header = len(header_of(bytes(data)))
    if kind == 0:
        del data[RANDOM.randrange(len(data)):]
    elif kind == 1:
        data += bytes(RANDOM.randrange(1, 9))
    elif kind == 2:
        data[RANDOM.randrange(8)] ^= 1 << RANDOM.randrange(8)
    elif kind == 3:
        data[RANDOM.randrange(8, header)] = RANDOM.choice(b'{}[]",:0123456789eE.- \\')
    elif kind == 4 and header > 10:
        at = RANDOM.randrange(8, header - 1)
        del data[at]
        data[:8] = struct.pack("<Q", header - 9)
    else:
        text = data[8:header].decode(errors="replace")
        for old, new in RANDOM.sample([("F32", "F64"), ("data_offsets", "offsets"), ("[0,", "[1,"), (":[", ":[-"), ("}", "},"),
                                       ("{", "[")], 2):
            text = text.replace(old, new, 1)
        text = text.encode()
        data[:header] = struct.pack("<Q", len(text)) + text
    return bytes(data)


def hostile():
    """Files that the library's own checks are for, and stricter ones of ours."""
    def file(header, body=b""):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + body

    def one(shape, begin, end, dtype="F32", **more):
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end], **more}
    yield "empty", b""
    yield "seven bytes", bytes(7)
    yield "no header", bytes(8)
    yield "91 bytes", struct.pack("<Q", 1 << 40) + bytes(83)
    yield "a header too long", struct.pack("<Q", 100_000_001) + b"{}"
    yield "all ones", b"\xff" * 91
    yield "overlap", file({"a": one([2], 0, 8), "b": one([2], 4, 12)}, bytes(12))
    yield "the same place", file({"a": one([2], 0, 8), "b": one([2], 0, 8)}, bytes(8))
    yield "a hole", file({"a": one([1], 0, 4), "b": one([1], 8, 12)}, bytes(12))
    yield "a hole at the start", file({"a": one([1], 4, 8)}, bytes(8))
    yield "bytes behind", file({"a": one([1], 0, 4)}, bytes(8))
    yield "beyond the end", file({"a": one([4], 0, 16)}, bytes(8))
    yield "backwards", file({"a": one([1], 4, 0)}, bytes(4))
    yield "another size", file({"a": one([3], 0, 8)}, bytes(8))
    yield "overflow", file({"a": one([1 << 32, 1 << 32, 4], 0, 0)})
    yield "overflow with a zero", file({"a": one([1 << 62, 1 << 62, 0], 0, 0)})
    yield "a negative size", file({"a": one([-1], 0, 4)}, bytes(4))
    yield "a fraction", file({"a": one([1.0], 0, 4)}, bytes(4))
    yield "a huge number", file(b'{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}', bytes(4))
    yield "an unknown type", file({"a": one([1], 0, 4, "F31")}, bytes(4))
    yield "half a byte", file({"a": one([1], 0, 0, "F4")})
    yield "no shape", file({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, bytes(4))
    yield "three offsets", file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}}, bytes(4))
    yield "a name twice", file(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                               b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8))
    yield "metadata twice", file(b'{"__metadata__":{},"__metadata__":{}}')
    yield "metadata of numbers", file({"__metadata__": {"a": 1}})
    yield "deep nesting", file(b"[" * 100_000)
    yield "deep nesting inside", file(b'{"a":' * 100_000)
    yield "no object", file(b"[]")
    yield "space first", file(b" {}")
    yield "text behind", file(b"{}x")
    yield "not UTF-8", file(b'{"\xff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4))


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        whole = []
        for i in range(150):
            whole.append(folder / f"whole{i}")
            random_file(whole[-1])
        for path, line in zip(whole, probe(whole)):
            expected = header_of(path.read_bytes()).hex()
            check(line == "good " + expected, f"{header_of(path.read_bytes())}: {line[:200]}")

        broken, differ = [], 0
        for i in range(600):
            broken.append(folder / f"broken{i}")
            broken[-1].write_bytes(damaged(RANDOM.choice(whole).read_bytes()))
        for path, line in zip(broken, probe(broken)):
            if library_reads(path) != line.startswith("good"):
                differ += 1
                check(line.startswith("bad"), f"the library refuses what we read: {path.read_bytes()[:300]}")

        names, paths = [], []
        for name, data in hostile():
            names.append(name)
            paths.append(folder / f"hostile{len(paths)}")
            paths[-1].write_bytes(data)
        for name, path, line in zip(names, paths, probe(paths)):
            check(line.startswith("bad "), f"{name} was read: {line}")
            check(str(path) in line and "\n" not in line, f"{name}: the message names no file: {line}")
        print(f"{len(whole)} files alike, {len(broken)} damaged ones ({differ} refused by us alone), {len(paths)} hostile ones")


main()
