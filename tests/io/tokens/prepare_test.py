"""trireme prepare against Hugging Face tokenizers and h5py: ids, offsets, masks, splits, errors."""
import bz2
import ctypes
import gzip
import json
import lzma
import os
import random
import resource
import signal
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import h5py
import numpy as np
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

TRIREME = os.environ["TRIREME_BIN"]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def prose(size, seed):
    """English-like text with code, numbers, Unicode and odd white space, no two parts alike."""
    pick = random.Random(seed)
    words = [w for path in sorted(Path("/usr/share/common-licenses").iterdir()) for w in path.read_text("utf-8", "replace").split()]
    odd = ["don't", "we'LL", "\u4f60\u597d", "\u0065\u0301", "caf\u00e9", "\U0001f469\u200d\U0001f680", "x+=1;", "{\n    y:", "}\n\n\n", "\t\tz", "3.14159", "1000000",
           "\r\nA", "   ", "\u00a0b", "\u3000", "\u2028c", "end.\n", "\nnext", "\u0000"]
    out, length = [], 0
    while length < size:
        word = pick.choice(odd) if pick.random() < 0.15 else pick.choice(words)
        piece = word + pick.choice([" ", " ", " ", " ", "\n", "  ", ""])
        out.append(piece)
        length += len(piece.encode())
    return "".join(out)


def zstd(data):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    room = library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    size = library.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def xxh3(data):
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype = Hash128
    value = library.XXH3_128bits(data, ctypes.c_size_t(len(data)))
    return f"{value.high:016x}{value.low:016x}"


def train_tokenizer(split):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    tokenizer.pre_tokenizer = byte_level
    if split is not None:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(tokenizers.Regex(split), behavior="isolated", invert=False), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([prose(200_000, 1)], trainer)
    return tokenizer


class PrepareTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.shared = Path(cls.keep.name)
        cls.gpt2 = train_tokenizer(None)
        cls.llama3 = train_tokenizer(LLAMA3)
        cls.gpt2.save(str(cls.shared / "gpt2.json"))
        cls.llama3.save(str(cls.shared / "llama3.json"))

    @classmethod
    def tearDownClass(cls):
        cls.keep.cleanup()

    def setUp(self):
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.dir = Path(keep.name)

    def run_prepare(self, *arguments, tokenizer="gpt2", stdin=b"", output="d.h5", **keywords):
        command = [TRIREME, "prepare", "--tokenizer", str(self.shared / f"{tokenizer}.json"), "--output", str(self.dir / output)]
        return subprocess.run(command + [str(a) for a in arguments], input=stdin, capture_output=True, timeout=120, **keywords)

    def prepare(self, *arguments, **keywords):
        done = self.run_prepare("--json", *arguments, **keywords)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def refused(self, sentence, *arguments, code=2, **keywords):
        done = self.run_prepare(*arguments, **keywords)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, code, message)
        self.assertIn(sentence, message)
        self.assertEqual(len(message.strip().splitlines()), 1, message)
        self.assertEqual(list(self.dir.glob("d*.h5*")), [])

    def write(self, name, data):
        path = self.dir / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def jsonl(self, *objects):
        return "".join(json.dumps(o, ensure_ascii=i % 2 == 0) + "\n" for i, o in enumerate(objects))

    def ids(self, text, tokenizer=None):
        return (tokenizer or self.gpt2).encode(text, add_special_tokens=False).ids

    def expect(self, documents, name="d.h5", tokenizer=None):
        """documents: texts, or (prompt, text) pairs."""
        tokens, offsets, mask = [], [], []
        for document in documents:
            prompt, text = document if isinstance(document, tuple) else ("", document)
            offsets.append(len(tokens))
            head = self.ids(prompt, tokenizer)
            body = self.ids(text, tokenizer) + [0]
            tokens += head + body
            mask += [0] * len(head) + [1] * len(body)
        with h5py.File(self.dir / name) as f:
            np.testing.assert_array_equal(f["tokens"][:], tokens)
            np.testing.assert_array_equal(f["document_offsets"][:], offsets)
            if "loss_mask" in f:
                np.testing.assert_array_equal(f["loss_mask"][:], mask)
            return "loss_mask" in f

    def test_every_kind_of_input_gives_the_ids_of_the_oracle(self):
        texts = [prose(3000, seed) for seed in range(8)]
        files = [
            self.write("a.txt", texts[0]),
            self.write("b.jsonl", self.jsonl({"text": texts[1]}, {"text": texts[2], "id": 7})),
            self.write("c.txt.gz", gzip.compress(texts[3].encode())),
            self.write("d.ndjson.zst", zstd(self.jsonl({"text": texts[4]}, {"text": ""}, {"text": texts[5]}).encode())),
            "-",
            self.write("e.txt", texts[7]),
        ]
        summary = self.prepare(*files, stdin=texts[6].encode())
        self.assertFalse(self.expect(texts))
        self.assertEqual(summary["documents"], 8)
        self.assertEqual(summary["empty_documents"], 1)
        self.assertEqual(summary["text_bytes"], sum(len(t.encode()) for t in texts))

    def test_the_file_says_what_it_is(self):
        summary = self.prepare(self.write("a.txt", prose(9000, 3)))
        raw = (self.dir / "d.h5").read_bytes()
        with h5py.File(self.dir / "d.h5") as f:
            self.assertEqual(f["tokens"].dtype, np.uint16)
            self.assertEqual(f["document_offsets"].dtype, np.uint64)
            for name in f:
                self.assertIsNone(f[name].chunks)
                at = f[name].id.get_offset()
                self.assertEqual(raw[at : at + f[name].nbytes], f[name][:].tobytes())
            stored = f["tokenizer"][:].tobytes()
            self.assertEqual(stored, (self.shared / "gpt2.json").read_bytes())
            self.assertEqual(f["tokenizer"].attrs["hash"].decode(), xxh3(stored))
            self.assertEqual(f.attrs["format_version"], 1)
            self.assertEqual(f.attrs["vocabulary"], self.gpt2.get_vocab_size())
            self.assertEqual(f.attrs["end_of_text"], 0)
            digests = b"".join(bytes.fromhex(xxh3(f[n][:].tobytes())) for n in ("tokens", "document_offsets", "tokenizer"))
            record = (2).to_bytes(4, "little") + int(f.attrs["vocabulary"]).to_bytes(8, "little") + bytes(8) + digests + bytes(16)
            self.assertEqual(f.attrs["fingerprint"].decode(), xxh3(record))
            self.assertEqual(summary["train"]["fingerprint"], xxh3(record))
        self.assertEqual(int.from_bytes(raw[16:24], "little"), len(raw))

    def test_long_text_is_cut_without_changing_ids(self):
        text = prose(4_600_000, 5)
        path = self.write("long.txt", text)
        for name, tokenizer in (("gpt2", self.gpt2), ("llama3", self.llama3)):
            with self.subTest(name):
                self.prepare("--threads", "2", "--force", path, tokenizer=name)
                self.expect([text], tokenizer=tokenizer)

    def test_prompts_carry_no_loss(self):
        pairs = [(prose(200, s), prose(500, s + 100)) for s in range(5)] + [("", "no prompt here")]
        lines = self.jsonl(*({"question": q, "answer": a} for q, a in pairs))
        summary = self.prepare("--field", "answer", "--prompt-field", "question", "--format", "jsonl", "-", stdin=lines.encode())
        self.assertTrue(self.expect(pairs))
        self.assertEqual(summary["masked_tokens"], sum(len(self.ids(q)) for q, _ in pairs))

    def wrapped(self, kind):
        """A tokenizer of BERT's kind, or of Llama-2's, whose post-processor adds <s> only."""
        special = ["[UNK]", "[CLS]", "[SEP]"] if kind == "bert" else ["<unk>", "<s>", "</s>"]
        if kind == "bert":
            tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
            tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
            tokenizer.train_from_iterator([prose(100_000, 1)], trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False))
            tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
        else:
            tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            tokenizer.train_from_iterator([prose(100_000, 1)], trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False))
            tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
            parts = json.loads(tokenizer.to_str())
            parts["pre_tokenizer"] = None
            tokenizer = tokenizers.Tokenizer.from_str(json.dumps(parts))
            tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
        tokenizer.save(str(self.shared / f"{kind}.json"))
        return tokenizer

    def test_special_tokens_wrap_documents(self):
        texts = [prose(300, 1), prose(400, 2)]
        lines = self.jsonl(*({"text": t} for t in texts)).encode()
        for kind, after in (("bert", []), ("llama", [2])):
            tokenizer = self.wrapped(kind)
            summary = self.prepare("--special-tokens", "--format", "jsonl", "--force", "-", tokenizer=kind, stdin=lines)
            self.assertTrue(summary["train"]["special_tokens"])
            whole = [tokenizer.encode(t).ids + after for t in texts]
            with h5py.File(self.dir / "d.h5") as f:
                np.testing.assert_array_equal(f["tokens"][:], sum(whole, []))
                np.testing.assert_array_equal(f["document_offsets"][:], [0, len(whole[0])])
                self.assertEqual((f.attrs["special_tokens"], f.attrs["end_of_text"]), (1, 2))
            long_text = prose(4_600_000, 3)
            self.prepare("--special-tokens", "--force", self.write("long.txt", long_text), tokenizer=kind)
            with h5py.File(self.dir / "d.h5") as f:  # it was cut, and only its beginning and end are wrapped
                np.testing.assert_array_equal(f["tokens"][:], tokenizer.encode(long_text).ids + after)
        pairs = self.jsonl({"question": "Who?", "text": "Me."}).encode()
        self.prepare("--special-tokens", "--prompt-field", "question", "--format", "jsonl", "--force", "-", tokenizer="bert", stdin=pairs)
        with h5py.File(self.dir / "d.h5") as f:  # [CLS] and the prompt carry no loss
            learned = len(self.ids("Me.", self.wrapped("bert"))) + 1
            self.assertEqual(f["loss_mask"][:].tolist(), [0] * (len(f["loss_mask"]) - learned) + [1] * learned)
        for file in self.dir.glob("d*.h5"):
            file.unlink()
        self.refused("--special-tokens", "--format", "jsonl", "-", tokenizer="bert", stdin=lines)
        self.refused("leave --special-tokens out", "--special-tokens", "--format", "jsonl", "-", stdin=lines)
        self.refused("leave --end-of-text out", "--special-tokens", "--end-of-text", "[UNK]", "--format", "jsonl", "-", tokenizer="bert", stdin=lines)

    def test_special_tokens_in_the_text_are_tokens(self):
        text = "one<|endoftext|>two"
        self.prepare(self.write("a.txt", text))
        self.assertIn(0, self.ids(text))
        self.expect([text])

    def test_invalid_utf8_is_replaced_as_python_does_and_counted(self):
        data = b"good \xff\xfe bad \xe2\x82 \xf0\x9f\x98 \xed\xa0\x80 end \xc3"
        summary = self.prepare(self.write("a.txt", data))
        text = data.decode("utf-8", "replace")
        self.expect([text])
        self.assertEqual(summary["invalid_utf8_replaced"], text.count("\ufffd"))
        (self.dir / "d.h5").unlink()
        self.refused("not valid UTF-8", "--invalid-utf8", "refuse", self.dir / "a.txt")

    def test_many_documents_are_divided_by_hash_few_by_blocks_from_all_over(self):
        texts = [f"document {i} " + prose(100, i) for i in range(400)]
        path = self.write("a.jsonl", self.jsonl(*({"text": t} for t in texts)))
        self.prepare("--valid-fraction", "0.2", path)
        found = []
        for name in ("d.h5", "d.valid.h5"):
            with h5py.File(self.dir / name) as f:
                tokens, offsets = f["tokens"][:], list(f["document_offsets"][:]) + [len(f["tokens"])]
            found.append([self.gpt2.decode(tokens[a : b - 1].tolist(), skip_special_tokens=False) for a, b in zip(offsets, offsets[1:])])
        self.assertEqual(sorted(found[0] + found[1]), sorted(texts))
        self.assertTrue(50 < len(found[1]) < 115, len(found[1]))
        # The same text goes to the same side whatever stands around it.
        other = self.write("b.jsonl", self.jsonl(*({"text": t} for t in reversed(texts[:300]))))
        self.prepare("--valid-fraction", "0.2", other, output="e.h5")
        with h5py.File(self.dir / "e.valid.h5") as f:
            self.assertEqual(len(f["document_offsets"]), sum(t in set(texts[:300]) for t in found[1]))

        text = prose(20000, 9)
        options = ("--valid-fraction", "0.25", "--valid-output", self.dir / "held.h5", self.write("one.txt", text))
        blocks = self.prepare(*options, output="f.h5")["valid_blocks"]
        whole = self.ids(text) + [0]
        self.assertGreater(len(blocks), 5)
        with h5py.File(self.dir / "f.h5") as a, h5py.File(self.dir / "held.h5") as b:
            held = np.zeros(len(whole), bool)
            for begin, end in blocks:
                held[begin:end] = True
            np.testing.assert_array_equal(b["tokens"][:], np.array(whole)[held])
            np.testing.assert_array_equal(a["tokens"][:], np.array(whole)[~held])
            self.assertEqual(held.sum(), round(0.25 * len(whole)))
            starts = np.cumsum([0] + [end - begin for begin, end in blocks])[:-1]
            np.testing.assert_array_equal(b["document_offsets"][:], starts)
        done = self.run_prepare("--force", *options, output="f.h5")
        self.assertIn(f"validation took {len(blocks)} blocks of", done.stdout.decode())

    def test_output_does_not_depend_on_threads(self):
        path = self.write("a.jsonl", self.jsonl(*({"text": prose(2000, i)} for i in range(1500))))
        one = self.prepare("--threads", "1", path, output="one.h5")
        five = self.prepare("--threads", "5", path, output="five.h5")
        self.assertEqual(one["train"]["fingerprint"], five["train"]["fingerprint"])
        self.assertEqual((self.dir / "one.h5").read_bytes(), (self.dir / "five.h5").read_bytes())

    def test_verify_finds_damage(self):
        self.prepare(self.write("a.txt", prose(5000, 3)))
        verify = [TRIREME, "prepare", "--verify", str(self.dir / "d.h5")]
        done = subprocess.run(verify, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"intact", done.stdout)
        raw = bytearray((self.dir / "d.h5").read_bytes())
        with h5py.File(self.dir / "d.h5") as f:
            raw[f["tokens"].id.get_offset() + 11] ^= 1
        (self.dir / "d.h5").write_bytes(raw)
        done = subprocess.run(verify, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"/tokens is damaged", done.stderr)

    def test_bad_input_is_one_clear_sentence(self):
        self.refused("none.txt does not exist", self.dir / "none.txt")
        self.refused("x.jsonl:2 is not valid JSON", self.write("x.jsonl", '{"text":"a"}\n{"text"\n'))
        self.refused('y.jsonl:1 has no field "text" (it has: body)', self.write("y.jsonl", '{"body":"a"}\n'))
        self.refused("hold no text", self.write("empty.txt", ""))
        self.refused("hold no text", "-")
        self.refused("ends in the middle of its gzip data", self.write("c.txt.gz", gzip.compress(prose(3000, 1).encode())[:-9]))
        good = self.write("good.txt", "some text")
        self.refused("is a directory", good, output=".")
        self.refused("does not exist: make it first", good, output="none/d.h5")
        self.refused("cannot write /proc/d.h5", good, output="/proc/d.h5")
        self.refused("--valid-output needs --valid-fraction", "--valid-output", "v.h5", good)
        self.refused("has no token <nothing>", "--end-of-text", "<nothing>", good)
        self.refused("is plain text and has no prompt field", "--prompt-field", "q", good)
        self.refused("none.json", good, tokenizer="none")
        self.refused("is both input and output", good, output="good.txt")
        self.assertEqual(good.read_text(), "some text")

    def test_pipes_are_read_as_files_are(self):
        """`prepare --tokenizer <(…) <(…)`, /dev/stdin, a FIFO: the same bytes give the same dataset."""
        texts = [prose(2000, seed) for seed in range(3)]
        lines = self.jsonl(*({"text": t} for t in texts)).encode()
        tokenizer = str(self.shared / "gpt2.json")
        read, write = os.pipe()
        feeder = subprocess.Popen(["cat", tokenizer], stdout=write)
        os.close(write)
        command = [TRIREME, "prepare", "--tokenizer", f"/dev/fd/{read}", "--output", str(self.dir / "d.h5"), "/dev/stdin"]
        done = subprocess.run(command, input=zstd(lines), capture_output=True, timeout=120, pass_fds=[read])
        os.close(read)
        feeder.wait()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect(texts)

        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(["cp", "--", self.write("a", lines), fifo]) as feeder:
            self.prepare(fifo, output="e.h5")
            self.assertEqual(feeder.wait(), 0)
        self.expect(texts, "e.h5")
        self.assertEqual((self.dir / "d.h5").read_bytes(), (self.dir / "e.h5").read_bytes())

        text = "Words in a pipe."
        encode = [TRIREME, "tokenizer", "encode"]
        for arguments, stdin in (([tokenizer, "/dev/stdin"], text.encode()), ([tokenizer], gzip.compress(text.encode())),
                                 (["-", self.write("t.txt", text)], Path(tokenizer).read_bytes())):
            done = subprocess.run([*encode, *arguments], input=stdin, capture_output=True, timeout=60)
            self.assertEqual(done.stdout.split(), [str(i).encode() for i in self.ids(text)], done.stderr)
        done = subprocess.run([*encode, "-", "/dev/stdin"], input=b"x", capture_output=True, timeout=60)
        self.assertEqual((done.returncode, b"both standard input" in done.stderr), (2, True), done.stderr)

        train = [TRIREME, "tokenizer", "train", "--vocab", "300", "--output", str(self.dir / "tok.json")]
        trained = []
        for source, stdin in ((fifo, None), ("-", lines), (self.write("b.jsonl", lines), None)):
            feeder = subprocess.Popen(["cp", "--", self.dir / "a", fifo]) if source == fifo else None
            done = subprocess.run([*train, source], input=stdin, capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            trained.append((self.dir / "tok.json").read_bytes())
            (self.dir / "tok.json").unlink()
            if feeder:
                feeder.wait()
        self.assertEqual(trained, trained[:1] * 3)

    def test_what_is_no_text_is_refused_with_what_to_do(self):
        text = prose(3000, 4)
        for content, sentence in ((text.encode("utf-16"), "is UTF-16 text: convert it"), (text[:900].encode("utf-32-le"), "looks like UTF-32"),
                                  (Path(TRIREME).read_bytes()[:100_000], "is a program (ELF)"), (lzma.compress(b"x"), "xz -dc"),
                                  (bz2.compress(b"x"), "bzip2 -dc"), (random.Random(1).randbytes(5000), "--any-content")):
            for packed in (content, gzip.compress(content)):
                self.refused(sentence, self.write("a.txt", packed))
                self.refused("standard input " + sentence.split(":")[0] if sentence.startswith("is") else sentence, "-", stdin=packed)
        self.refused("is one JSON array", self.write("a.json", '[{"text": "x"}]'))
        self.prepare("--any-content", self.write("b.txt", random.Random(1).randbytes(5000)))

    def test_a_directory_says_what_it_leaves_out(self):
        folder = self.dir / "in"
        folder.mkdir()
        for name in ("a.TXT", ".b.txt", "c.png", "d.PNG"):
            (folder / name).write_text(name)
        (folder / "loop").symlink_to(".")
        done = self.run_prepare(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect(["a.TXT"])
        self.assertEqual(done.stderr.decode().splitlines(),
                         [f"note: {folder}: 1 files to read; left out: 2 .png, 1 hidden, 1 reached a second time through links "
                          "(a file named by itself is read)"])

    def test_bombs_and_endless_lines_end_in_bounded_memory(self):
        """Each would take over a gigabyte; the program's peak is asked of the kernel."""
        much = 1 << 30
        def chunks(compressor, before=b""):
            yield compressor.compress(before)
            for _ in range(much >> 24):
                yield compressor.compress(b"a" * (1 << 24))
            yield compressor.flush()
        packed = b"".join(chunks(zlib.compressobj(9, zlib.DEFLATED, 31), b'{"text":"'))
        cases = [("a.jsonl.gz", packed, (), "looks like a decompression bomb"),
                 ("b.jsonl.gz", packed, ("--max-expansion", "1000000", "--max-document", "64"), "b.jsonl.gz:1 holds a document of more than 64 MiB"),
                 ("c.txt.gz", packed, ("--max-expansion", "1000000", "--max-document", "64"), "raise --max-document")]
        for name, content, options, sentence in cases:
            path = self.write(name, content)
            pid = os.posix_spawn(TRIREME, [TRIREME, "prepare", "--threads", "1", "--tokenizer", str(self.shared / "gpt2.json"), "--output",
                                           str(self.dir / "d.h5"), *options, str(path)], os.environ,
                                 file_actions=[(os.POSIX_SPAWN_OPEN, 2, str(self.dir / "err"), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)])
            _, status, usage = os.wait4(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 2)
            self.assertIn(sentence, (self.dir / "err").read_text())
            self.assertLess(usage.ru_maxrss, 400_000, name)  # KiB

    def test_too_little_memory_is_told_in_words_of_this_command(self):
        def little_memory():
            resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

        path = self.write("a.jsonl", '{"text":"' + "a" * (300 << 20) + '"}')
        done = self.run_prepare("--threads", "1", path, preexec_fn=little_memory)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"out of memory: end other programs", done.stderr)
        self.assertNotIn(b"micro_batch", done.stderr)

    def test_a_failed_write_leaves_nothing_behind(self):
        def little_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        path = self.write("a.txt", prose(1_000_000, 2))
        done = self.run_prepare("--valid-fraction", "0.1", path, preexec_fn=little_room)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"File too large: this shell lets no file grow beyond 200000 bytes", done.stderr)
        self.assertEqual([p.name for p in self.dir.iterdir()], ["a.txt"])

    def test_an_interrupt_leaves_nothing_behind(self):
        command = [TRIREME, "prepare", "--tokenizer", str(self.shared / "gpt2.json"), "--output", str(self.dir / "d.h5"), "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(b"some text")
            process.stdin.flush()
            deadline = time.monotonic() + 60
            while not list(self.dir.glob("d.h5.offsets.*.tmp")) and time.monotonic() < deadline:
                os.sched_yield()
            self.assertTrue(list(self.dir.iterdir()))
            # Standard input stays open: the reader is waiting in read(2).
            while process.poll() is None and time.monotonic() < deadline:
                process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(), -signal.SIGINT)
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_help_begins_with_an_example(self):
        done = subprocess.run([TRIREME, "prepare", "--help"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"trireme prepare --tokenizer tokenizer.json", done.stdout.split(b"\n\n")[0])


if __name__ == "__main__":
    unittest.main()
