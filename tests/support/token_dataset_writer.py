"""Writes the token datasets that docs/token_dataset.md describes: from that page, numpy and h5py alone."""
import struct

import h5py
import numpy as np
import xxhash

USER_BLOCK = 4096
HEADER = 512


def _digest(data):
    return xxhash.xxh3_128_digest(data)


def write_token_dataset(path, tokens, vocabulary, loss_mask=None):
    """One document. loss_mask: for each token, whether it counts as a target."""
    width = 2 if vocabulary <= 65536 else 4
    arrays = {"tokens": np.asarray(tokens, f"<u{width}"), "document_offsets": np.zeros(1, "<u8"),
              "tokenizer": np.frombuffer(b"{}", np.uint8)}
    if loss_mask is not None:
        arrays["loss_mask"] = np.asarray(loss_mask, np.uint8)
    digests = [_digest(arrays[name].tobytes()) if name in arrays else bytes(16)
               for name in ("tokens", "document_offsets", "tokenizer", "loss_mask")]
    end_of_text = vocabulary - 1
    fingerprint = _digest(struct.pack("<IQq", width, vocabulary, end_of_text) + b"".join(digests))
    with h5py.File(path, "w", userblock_size=USER_BLOCK) as file:
        for name, value in (("format_version", 1), ("vocabulary", vocabulary), ("end_of_text", end_of_text)):
            file.attrs[name] = np.int64(value)
        file.attrs["fingerprint"] = np.bytes_(fingerprint.hex())
        for name, values in arrays.items():
            file.create_dataset(name, data=values)
        file["tokenizer"].attrs["hash"] = np.bytes_(digests[2].hex())
        places = {name: (file[name].id.get_offset(), values.nbytes) for name, values in arrays.items()}
    with open(path, "r+b") as file:
        data = file.read()
        rest, end = b"", HEADER
        for offset, length in sorted(places.values()):
            rest += data[end:offset]
            end = offset + length
        rest += data[end:]
        header = b"TRMTOKEN" + struct.pack("<IIQQq", 1, width, len(data), vocabulary, end_of_text)
        for name, digest in zip(("tokens", "document_offsets", "tokenizer", "loss_mask"), digests):
            header += struct.pack("<QQ", *places.get(name, (0, 0))) + digest
        header = (header + _digest(rest) + fingerprint).ljust(HEADER - 8, b"\0")
        file.seek(0)
        file.write(header + struct.pack("<Q", xxhash.xxh3_64_intdigest(header)))
