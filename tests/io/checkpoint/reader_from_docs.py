"""A reader of checkpoints, version 1 and 2, written from docs/checkpoint_format.md alone. It checks every byte and uses HDF5 only in
read_by_hdf5(), which must find the same."""
import collections
import json
import os
import re
import struct

import h5py
import numpy as np
import xxhash

from crc32c import crc32c

VERSION_1_SLOTS = ["param", "adam_m", "adam_v", "grad"]
TYPES = [("fp32", np.dtype("<f4")), ("fp64", np.dtype("<f8"))]
BLOCK = 16777216
MEMBERS = ["format", "version", "step", "run_id", "attempt", "job", "created", "options", "layout", "cursor", "extra",
           "versions", "boxes", "files", "checksum"]

Tensor = collections.namedtuple("Tensor", "slot name dtype shape first_box boxes")
Box = collections.namedtuple("Box", "tensor file at offset shape checksums")


class Damage(Exception):
    pass


def require(good, *words):
    if not good:
        raise Damage(" ".join(str(word) for word in words))


def read_manifest(directory):
    with open(os.path.join(directory, "MANIFEST.json"), "rb") as file:
        data = file.read()
    require(len(data) <= 1 << 20, "MANIFEST.json is longer than 1 MiB")
    tail = re.search(rb',\n "checksum": "([0-9a-f]{32})"\n}\n\Z', data)
    require(tail, "MANIFEST.json does not end in its checksum")
    require(xxhash.xxh3_128_hexdigest(data[:tail.start()]) == tail.group(1).decode(), "MANIFEST.json: checksum")
    manifest = json.loads(data)
    require(list(manifest) == MEMBERS, "MANIFEST.json: members", list(manifest))
    require(manifest["format"] == "trireme-checkpoint" and manifest["version"] in (1, 2), "MANIFEST.json: another format")
    name = os.path.basename(os.path.normpath(directory))
    require(not re.fullmatch(r"step_\d+", name) or name == f"step_{manifest['step']}", "MANIFEST.json: of another step")
    return manifest


class Table:
    """BOXES.bin."""

    def __init__(self, data, files, version):
        require(data[:8] == f"TRBOXES{version}".encode(), "BOXES.bin: magic")
        if version == 1:
            block, shards, tensors, boxes, dims, checksums, names, length = struct.unpack("<IIQQQQQQ", data[8:64])
            slots, at = 0, 64
        else:
            block, shards, tensors, boxes, dims, checksums, names, slots, length = struct.unpack("<IIQQQQQQQ", data[8:72])
            at = 72
        require(block == BLOCK and shards == files and length == len(data), "BOXES.bin: header")
        ranges = []
        for size in (32 * tensors, 32 * boxes, 8 * dims, 4 * checksums, names, slots):
            ranges.append(data[at:at + size])
            at += size
        require(at == length, "BOXES.bin: counts")
        self.dims = [int(d) for d in np.frombuffer(ranges[2], "<i8")]
        self.checksums = [int(c) for c in np.frombuffer(ranges[3], "<u4")]
        self.names = ranges[4]
        self.slots = VERSION_1_SLOTS if version == 1 else self.read_slots(ranges[5])
        self.tensors = [self.tensor(*fields) for fields in struct.iter_unpack("<QQIIIBBBB", ranges[0])]
        self.boxes = [self.box(*fields) for fields in struct.iter_unpack("<QQQII", ranges[1])]
        require(self.tensors == sorted(self.tensors, key=lambda t: (self.slots.index(t.slot), t.name.encode())),
                "BOXES.bin: order of tensors")
        require(version == 1 or {t.slot for t in self.tensors} == set(self.slots), "BOXES.bin: a slot without a tensor")
        for index, tensor in enumerate(self.tensors):
            own = self.boxes[tensor.first_box:tensor.first_box + tensor.boxes]
            require(len(own) == tensor.boxes and all(box.tensor == index for box in own), "BOXES.bin: boxes of", tensor)
            require(own == sorted(own, key=lambda b: b.offset), "BOXES.bin: order of boxes of", tensor)

    @staticmethod
    def read_slots(data):
        *slots, rest = data.split(b"\0")
        require(rest == b"" and len(slots) <= 256, "BOXES.bin: slots")
        require(all(re.fullmatch(rb"[a-z][a-z0-9_]{0,31}", slot) for slot in slots), "BOXES.bin: names of slots", slots)
        require(slots == sorted(set(slots), key=lambda slot: (slot != b"param", slot)), "BOXES.bin: order of slots", slots)
        return [slot.decode() for slot in slots]

    def tensor(self, first_box, first_dim, boxes, name, name_length, slot, dtype, dims, zero):
        require(zero == 0 and dims <= 8, "BOXES.bin: a tensor")
        return Tensor(self.slots[slot], self.names[name:name + name_length].decode(), TYPES[dtype],
                      tuple(self.dims[first_dim:first_dim + dims]), first_box, boxes)

    def box(self, at, first_dim, first_checksum, tensor, file):
        rank = len(self.tensors[tensor].shape)
        offset = tuple(self.dims[first_dim:first_dim + rank])
        shape = tuple(self.dims[first_dim + rank:first_dim + 2 * rank])
        blocks = -(-self.bytes(tensor, shape) // BLOCK)
        return Box(tensor, file, at, offset, shape, self.checksums[first_checksum:first_checksum + blocks])

    def bytes(self, tensor, shape):
        return int(np.prod(shape, dtype=np.int64)) * self.tensors[tensor].dtype[1].itemsize


class Checkpoint:
    """manifest, table, and `tensors`: (slot, name) -> array, put together from plain reads."""

    def __init__(self, directory):
        self.directory = directory
        self.manifest = read_manifest(directory)
        with open(os.path.join(directory, "BOXES.bin"), "rb") as file:
            boxes = file.read()
        require(len(boxes) == self.manifest["boxes"]["bytes"], "BOXES.bin: length")
        require(xxhash.xxh3_128_hexdigest(boxes) == self.manifest["boxes"]["xxh3_128"], "BOXES.bin: checksum")
        self.table = Table(boxes, len(self.manifest["files"]), self.manifest["version"])
        self.check_names()
        parts = {(t.slot, t.name): [] for t in self.table.tensors}
        for index in range(len(self.manifest["files"])):
            self.read_shard(index, parts)
        self.tensors = self.put_together(parts)

    def slots(self):
        return self.table.slots

    def check_names(self):
        """Exactly these files, and nothing else."""
        expected = {"MANIFEST.json", "BOXES.bin"} | {file["name"] for file in self.manifest["files"]}
        found = {os.path.relpath(os.path.join(folder, name), self.directory)
                 for folder, _, names in os.walk(self.directory) for name in names}
        require(found == expected, "files", found ^ expected)

    def shard(self, index):
        return os.path.join(self.directory, self.manifest["files"][index]["name"])

    def read_shard(self, index, parts):
        entry = self.manifest["files"][index]
        with open(self.shard(index), "rb") as file:
            data = file.read()
        require(len(data) == entry["bytes"], entry["name"], "length")
        outside = []
        end = 0
        for box in sorted((b for b in self.table.boxes if b.file == index), key=lambda b: b.at):
            tensor = self.table.tensors[box.tensor]
            require(box.at >= end, tensor, "shares bytes with another box")
            outside.append(data[end:box.at])
            end = box.at + self.table.bytes(box.tensor, box.shape)
            body = data[box.at:end]
            for block, checksum in enumerate(box.checksums):
                require(crc32c(body[block * BLOCK:(block + 1) * BLOCK]) == checksum, tensor, box, "checksum")
            parts[tensor.slot, tensor.name].append((box.offset, np.frombuffer(body, tensor.dtype[1]).reshape(box.shape)))
        outside.append(data[end:])
        require(f"{crc32c(b''.join(outside)):08x}" == entry["metadata_crc32c"], entry["name"], "metadata checksum")

    def put_together(self, parts):
        tensors = {}
        for tensor in self.table.tensors:
            key = tensor.slot, tensor.name
            tensors[key] = np.empty(tensor.shape, tensor.dtype[1])
            stored = np.zeros(tensor.shape, int)
            for offset, values in parts[key]:
                place = tuple(slice(o, o + n) for o, n in zip(offset, values.shape))
                tensors[key][place] = values
                stored[place] += 1
            require((stored == 1).all(), tensor, "is not stored once")
        return tensors

    def read_by_hdf5(self):
        """Every dataset is a box of the table, at its place; all boxes are found. Returns the tensors."""
        parts = {(t.slot, t.name): [] for t in self.table.tensors}
        left = {(box.file, box.at): box for box in self.table.boxes}
        for index in range(len(self.manifest["files"])):
            if self.manifest["files"][index]["name"] == "HUB.json":
                require(all(box.file != index for box in self.table.boxes), "a box lies in HUB.json")
                continue
            with h5py.File(self.shard(index), "r") as shard:
                for slot in shard:
                    for name, group in shard[slot].items():
                        for box_name, dataset in group.items():
                            box = left.pop((index, dataset.id.get_offset()))
                            self.compare_dataset(slot, name, box_name, dataset, box)
                            parts[slot, name].append((box.offset, dataset[()]))
        require(not left, "HDF5 has no dataset for", list(left))
        return self.put_together(parts)

    def compare_dataset(self, slot, name, box_name, dataset, box):
        tensor = self.table.tensors[box.tensor]
        ranges = ",".join(f"{o}:{o + n}" for o, n in zip(box.offset, box.shape)) or "all"
        require((slot, name, box_name) == (tensor.slot, tensor.name, ranges), "dataset", dataset.name)
        require(dataset.chunks is None and dataset.dtype == tensor.dtype[1] and dataset.shape == box.shape,
                "dataset", dataset.name, dataset.dtype, dataset.shape)
        require(dataset.attrs["dtype"].decode() == tensor.dtype[0], dataset.name, "attribute dtype")
        for attribute, value in (("global_shape", tensor.shape), ("offset", box.offset)):
            require(dataset.attrs[attribute].dtype == np.int64 and tuple(dataset.attrs[attribute]) == value,
                    dataset.name, "attribute", attribute)
