"""Writes the token datasets that docs/token_dataset.md describes: from that page, numpy and h5py alone."""
import json
import struct

import h5py
import numpy as np
import xxhash

USER_BLOCK = 4096
HEADER = 512


def _digest(data):
    return xxhash.xxh3_128_digest(data)


WORDPIECE_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def wordpiece(vocabulary):
    """A WordPiece tokenizer.json of that many made-up tokens, BERT's special ones first, each of them special in
    another way: only [CLS] is flagged. Every third of the others goes on with a word. Returns its bytes and these ids."""
    names, continuing = list(WORDPIECE_SPECIALS), []
    for i in range(len(names), vocabulary):
        if i % 3 == 0:
            continuing.append(i)
        names.append(("##" if i % 3 == 0 else "") + "t" + str(i))
    added = [{"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, name in enumerate(WORDPIECE_SPECIALS) if name == "[CLS]"]
    parts, end = [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"], {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
    post = {"type": "TemplateProcessing", "single": [parts[0], end], "pair": [parts[0], end, parts[1], end],
            "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [WORDPIECE_SPECIALS.index("[SEP]")], "tokens": ["[SEP]"]}}}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
             "vocab": {name: i for i, name in enumerate(names)}}
    text = json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": post,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}, "model": model})
    return text.encode(), continuing


def write_token_dataset(path, tokens, vocabulary, loss_mask=None, tokenizer=b"{}"):
    """One document. loss_mask: for each token, whether it counts as a target."""
    arrays = {"tokens": tokens, "document_offsets": [0]}
    if loss_mask is not None:
        arrays["loss_mask"] = loss_mask
    _write(path, arrays, vocabulary, tokenizer)


def write_packed_dataset(path, samples, vocabulary, sequence, tokenizer=b"{}"):
    """Format 2: samples are lists of documents, and these lists of (token, role)."""
    documents = [document for sample in samples for document in sample]
    lengths, counts = [len(d) for d in documents], [len(s) for s in samples]
    arrays = {"tokens": [token for d in documents for token, _ in d], "roles": [role for d in documents for _, role in d],
              "document_offsets": np.cumsum([0] + lengths[:-1]), "sample_offsets": np.cumsum([0] + counts[:-1])}
    _write(path, arrays, vocabulary, tokenizer, sequence)


def _write(path, values, vocabulary, tokenizer, sequence=0):
    """sequence: 0 = format 1."""
    width = 2 if vocabulary <= 65536 else 4
    types = {"tokens": f"<u{width}", "document_offsets": "<u8", "sample_offsets": "<u8"}
    sections = ["tokens", "document_offsets", "tokenizer", "roles" if sequence else "loss_mask", "sample_offsets"]
    arrays = {name: np.asarray(value, types.get(name, np.uint8)) for name, value in values.items()}
    arrays["tokenizer"] = np.frombuffer(tokenizer, np.uint8)
    digests = [_digest(arrays[name].tobytes()) if name in arrays else bytes(16) for name in sections]
    end_of_text = vocabulary - 1
    identity = struct.pack("<IQq", width, vocabulary, end_of_text) + b"".join(digests[:4])
    fingerprint = _digest(identity + (struct.pack("<Q", sequence) + digests[4] if sequence else b""))
    with h5py.File(path, "w", userblock_size=USER_BLOCK) as file:
        attributes = {"format_version": 2 if sequence else 1, "vocabulary": vocabulary, "end_of_text": end_of_text}
        for name, value in {**attributes, **({"sequence": sequence} if sequence else {})}.items():
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
        fields = [struct.pack("<QQ", *places.get(name, (0, 0))) + digest for name, digest in zip(sections, digests)]
        header = b"TRMTOKEN" + struct.pack("<IIQQq", 2 if sequence else 1, width, len(data), vocabulary, end_of_text)
        header += b"".join(fields[:4]) + _digest(rest) + fingerprint + struct.pack("<II", 0, 0)
        header = (header + fields[4] + struct.pack("<Q", sequence)).ljust(HEADER - 8, b"\0")
        file.seek(0)
        file.write(header + struct.pack("<Q", xxhash.xxh3_64_intdigest(header)))
