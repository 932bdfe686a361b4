"""Writes checkpoints that docs/checkpoint_format.md describes: from that page, numpy and h5py alone."""
import json
import os
import struct
import sys

import h5py
import numpy as np
import xxhash

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "io", "checkpoint"))
from crc32c import crc32c  # noqa: E402  pylint: disable=wrong-import-position

SHARDS = 2
CHECKSUM_BLOCK = 16777216


def _boxes_of(shape):
    """(offset, size) of the parts of a tensor: two where dim 0 can be cut."""
    if not shape or shape[0] < 2:
        return [((0,) * len(shape), tuple(shape))]
    cut, rest = shape[0] // 3 + 1, tuple(shape[1:])
    zeros = (0,) * len(rest)
    return [((0, *zeros), (cut, *rest)), ((cut, *zeros), (shape[0] - cut, *rest))]


def _write_shard(path, parts, dtype):
    """parts: ((slot, tensor), global shape, offset, values). Returns the offset of each part in the file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with h5py.File(path, "w") as file:
        for (slot, name), shape, offset, values in parts:
            box = ",".join(f"{o}:{o + n}" for o, n in zip(offset, values.shape)) or "all"
            dataset = file.create_dataset(f"/{slot}/{name}/{box}", data=values)
            dataset.attrs["global_shape"] = np.array(shape, np.int64)
            dataset.attrs["offset"] = np.array(offset, np.int64)
            dataset.attrs["dtype"] = np.bytes_(dtype)
        return [file[f"/{slot}/{name}"][",".join(f"{o}:{o + n}" for o, n in zip(offset, values.shape)) or "all"]
                .id.get_offset() for (slot, name), _, offset, values in parts]


def _metadata_checksum(path, ranges):
    """CRC32C of the bytes of the file that are in none of the (offset, length) ranges."""
    with open(path, "rb") as file:
        data = file.read()
    outside, end = [], 0
    for offset, length in sorted(ranges):
        outside.append(data[end:offset])
        end = offset + length
    outside.append(data[end:])
    return f"{crc32c(b''.join(outside)):08x}", len(data)


def _table(tensors, dtype, places):
    """BOXES.bin. tensors: (slot, name) -> array; places: ((slot, name), offset) -> (file, offset there)."""
    slots = sorted({slot for slot, _ in tensors}, key=lambda slot: (slot != "param", slot))
    names, dims, checksums, tensor_rows, box_rows = b"", [], [], b"", b""
    boxes = 0
    for index, key in enumerate(sorted(tensors, key=lambda key: (slots.index(key[0]), key[1].encode()))):
        values, (slot, name) = tensors[key], key
        parts = _boxes_of(values.shape)
        tensor_rows += struct.pack("<QQIIIBBBB", boxes, len(dims), len(parts), len(names), len(name.encode()),
                                   slots.index(slot),
                                   ("fp32", "fp64").index(dtype), values.ndim, 0)
        names += name.encode()
        dims += values.shape
        for offset, size in parts:
            file, at = places[key, offset]
            box_rows += struct.pack("<QQQII", at, len(dims), len(checksums), index, file)
            dims += [*offset, *size]
            body = values[tuple(slice(o, o + n) for o, n in zip(offset, size))].tobytes()
            checksums += [crc32c(body[i:i + CHECKSUM_BLOCK]) for i in range(0, len(body), CHECKSUM_BLOCK)]
            boxes += 1
    slot_names = b"".join(slot.encode() + b"\0" for slot in slots)
    body = (tensor_rows + box_rows + np.array(dims, "<i8").tobytes() + np.array(checksums, "<u4").tobytes() + names +
            slot_names)
    return b"TRBOXES2" + struct.pack("<IIQQQQQQQ", CHECKSUM_BLOCK, SHARDS, len(tensors), boxes, len(dims),
                                     len(checksums), len(names), len(slot_names), 72 + len(body)) + body


def write_checkpoint(directory, tensors, options, step=1, **members):
    """A checkpoint as <directory>, which is called step_<step>. tensors: logical name of a weight, or (slot, name), -> array,
    all of fp32 or all of fp64; options: the run file's text; members: others of the manifest, such as its cursor."""
    tensors = {key if isinstance(key, tuple) else ("param", key): values for key, values in tensors.items()}
    dtype = {np.dtype("<f4"): "fp32", np.dtype("<f8"): "fp64"}[next(iter(tensors.values())).dtype]
    parts = [[] for _ in range(SHARDS)]
    for key, values in tensors.items():
        for number, (offset, size) in enumerate(_boxes_of(values.shape)):
            piece = np.ascontiguousarray(values[tuple(slice(o, o + n) for o, n in zip(offset, size))])
            parts[number % SHARDS].append((key, values.shape, offset, piece))
    places, files = {}, []
    for number, own in enumerate(parts):
        path = f"node_{number}/shard_0.h5"
        offsets = _write_shard(os.path.join(directory, path), own, dtype)
        places.update({(part[0], part[2]): (number, at) for part, at in zip(own, offsets)})
        checksum, length = _metadata_checksum(os.path.join(directory, path),
                                              [(at, part[3].nbytes) for part, at in zip(own, offsets)])
        files.append({"name": path, "bytes": length, "metadata_crc32c": checksum})
    table = _table(tensors, dtype, places)
    with open(os.path.join(directory, "BOXES.bin"), "wb") as file:
        file.write(table)
    manifest = {"format": "trireme-checkpoint", "version": 2, "step": step, "run_id": "written-by-a-test", "attempt": 1,
                "job": "none", "created": "2026-01-31T12:00:00Z", "options": options, "layout": {}, "cursor": {},
                "extra": {}, "versions": {}, **members,
                "boxes": {"bytes": len(table), "xxh3_128": xxhash.xxh3_128_hexdigest(table)}, "files": files}
    text = json.dumps(manifest, indent=1)[:-len("\n}")]
    with open(os.path.join(directory, "MANIFEST.json"), "w", encoding="utf-8") as file:
        file.write(f'{text},\n "checksum": "{xxhash.xxh3_128_hexdigest(text.encode())}"\n}}\n')
