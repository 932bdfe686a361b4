"""Encoding and training against Hugging Face tokenizers and tiktoken, on text that this machine has: half prose
(manual pages, documentation, the Bible where installed), half source code (C++ headers, Python), no document twice.

    tokenizer.py [MEGABYTES [ROUNDS [TRAINING_MEGABYTES]]]
"""

import glob
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("RAYON_NUM_THREADS", "2")
from harness import alternate, ratio_line  # noqa: E402
from tokenizer_families import bench_families  # noqa: E402

SOURCE = pathlib.Path(os.environ["TRIREME_SOURCE"]).resolve()
TRIREME = os.environ["TRIREME_BIN"]
PROGRAM = os.path.join(os.path.dirname(TRIREME), "..", "bench", "tokenizer_bench")
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
END = "<|endoftext|>"


def prose_files():
    for folder in ("/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/perl", "/usr/share/vim"):
        for ending in ("txt", "html", "gz", "pod", "md"):
            yield from sorted(glob.glob(f"{folder}/**/*.{ending}", recursive=True))


def code_files():
    site = f"{os.environ['TRIREME_VENV']}/lib/python3*/site-packages"
    for pattern in ("/usr/include/**/*.h*", "/usr/lib/python3*/**/*.py", f"{site}/torch/**/*.py", f"{site}/**/*.py",
                    "/usr/lib/**/*.py"):
        yield from sorted(glob.glob(pattern, recursive=True))


def bible():
    if not shutil.which("bible"):
        return
    text = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True).stdout
    for i in range(0, len(text), 50_000):
        yield text[i : i + 50_000]


def contents(files):
    for name in files:
        if os.path.islink(name) or not os.path.isfile(name):
            continue
        data = pathlib.Path(name).read_bytes()
        try:
            text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        except (OSError, EOFError, UnicodeDecodeError):
            continue
        if "/man/" in name:  # the prose of a manual page, without its formatting requests
            text = "\n".join(re.sub(r"\\f.|\\[&-]", "", line) for line in text.splitlines() if line[:1] not in ".'")
        yield text


def take(texts, size, seen, what):
    """Different documents of 200 bytes or more, `size` bytes in all; long ones lose their end."""
    taken, total = [], 0
    for text in texts:
        text = text[:200_000]
        key = hashlib.sha256(re.sub(r"\W+", "", text[:2000]).encode()).digest()
        if len(text) < 200 or "\0" in text or key in seen:
            continue
        seen.add(key)
        taken.append(text)
        total += len(text.encode())
        if total >= size:
            break
    print(f"  {what}: {total / 1e6:.1f} MB in {len(taken)} documents")
    return taken


def corpus(size):
    seen = set()
    prose = take((t for source in (bible(), contents(prose_files())) for t in source), size // 2, seen, "prose")
    code = take(contents(code_files()), size // 2, seen, "source code")
    longer, shorter = (prose, code) if len(prose) > len(code) else (code, prose)
    mixed = []
    for i, text in enumerate(longer):
        mixed.append(text)
        if i * len(shorter) // len(longer) != (i + 1) * len(shorter) // len(longer):
            mixed.append(shorter[i * len(shorter) // len(longer)])
    return mixed


def tokenizer_directory(folder, texts):
    """GPT-2's published files when at hand, else a vocabulary of the same kind and size trained here."""
    directory = SOURCE.parent / "shared/data/gpt2-bpe"
    if directory.is_dir():
        return directory
    print(f"  {directory} is absent: a vocabulary of 50257 is trained on 20 MB instead")
    file, tokenizer = folder / "sample.txt", folder / "tokenizer.json"
    file.write_text("".join(texts)[:20_000_000])
    subprocess.run([TRIREME, "tokenizer", "train", "--vocab", "50257", "--output", tokenizer, file], check=True)
    model = json.loads(tokenizer.read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(model["merges"]) + "\n")
    tokenizer.unlink()
    return folder


def hugging_face(directory):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE.from_file(str(directory / "vocab.json"), str(directory / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([END])
    return tokenizer


def tiktoken_encoding(directory):
    import tiktoken
    from tokenizers import pre_tokenizers

    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    byte_of = {chr(b): b for b in printable}
    byte_of.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in printable)})
    assert set(byte_of) == set(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = json.loads((directory / "vocab.json").read_text())
    ids = {bytes(byte_of[c] for c in token): i for token, i in vocabulary.items() if token != END}
    return tiktoken.Encoding("bench", pat_str=PATTERN, mergeable_ranks=ids, special_tokens={END: vocabulary[END]})


def bench_encoding(folder, texts, rounds):
    size = sum(len(t.encode()) for t in texts)
    file = folder / "documents"
    file.write_bytes("\0".join(texts).encode())
    directory = tokenizer_directory(folder, texts)
    theirs, tiktoken = hugging_face(directory), tiktoken_encoding(directory)
    counts = {}

    def timed(name, encode):
        def run():
            start = time.perf_counter()
            result = encode()
            seconds = time.perf_counter() - start
            counts[name] = sum(len(r) for r in result)
            return size / seconds / 1e6

        return run

    def ours(threads):
        def run():
            words = subprocess.run([PROGRAM, directory, file, str(threads)], check=True, capture_output=True, text=True).stdout.split()
            counts["trireme"] = int(words[1])
            return size / float(words[0]) / 1e6

        return run

    def batch(parallel):
        def encode():
            os.environ["TOKENIZERS_PARALLELISM"] = "true" if parallel else "false"
            return theirs.encode_batch_fast(texts)

        return encode

    two = "tokenizers, 2 threads"
    figures = alternate({
        "trireme": ours(1), "trireme, 2 threads": ours(2),
        "tokenizers": timed("tokenizers", batch(False)), two: timed(two, batch(True)),
        "tiktoken": timed("tiktoken", lambda: [tiktoken.encode_ordinary(t) for t in texts]),
        "tiktoken into numpy": timed("tiktoken into numpy", lambda: [tiktoken.encode_to_numpy(t) for t in texts]),
    }, rounds, warmup=0)
    print(f"encoding {size / 1e6:.0f} MB, MB/s (higher is better); tokens: {counts}")
    assert len(set(counts.values())) == 1, "the candidates disagree"
    for name, values in figures.items():
        print(f"  {name:24} median {statistics.median(values):8.2f}  best {max(values):8.2f}")
    for peer, target in (("tokenizers", 4.0), ("tiktoken", 1.0), ("tiktoken into numpy", 1.0)):
        ratio_line(f"one thread against {peer}", figures["trireme"], figures[peer], target, False, ("trireme", peer))
    ratio_line("two threads against one", figures["trireme, 2 threads"], figures["trireme"], 1.7, False, ("two", "one"))
    ratio_line("two threads each", figures["trireme, 2 threads"], figures[two], 4.0, False, ("trireme", "tokenizers"))


def bench_training(folder, texts, rounds, megabytes):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    file, output = folder / "training.txt", folder / "trained.json"
    file.write_bytes("".join(texts).encode()[: megabytes * 1_000_000].decode(errors="ignore").encode())
    results = {}

    def ours():
        start = time.perf_counter()
        subprocess.run([TRIREME, "tokenizer", "train", "--vocab", "8192", "--force", "--output", output, file], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        results["trireme"] = [m.split(" ") for m in json.loads(output.read_text())["model"]["merges"]]
        return seconds

    def theirs():
        os.environ["TOKENIZERS_PARALLELISM"] = "true"
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        start = time.perf_counter()
        tokenizer.train([str(file)], trainers.BpeTrainer(
            vocab_size=8192, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
        seconds = time.perf_counter() - start
        results["tokenizers"] = json.loads(tokenizer.to_str())["model"]["merges"]
        return seconds

    figures = alternate({"trireme": ours, "tokenizers": theirs}, rounds, warmup=0)
    assert results["trireme"] == results["tokenizers"], "the merges differ"
    ratio_line(f"training 8192 on {megabytes} MB, identical merges, seconds", figures["trireme"], figures["tokenizers"], 1.0,
               names=("trireme", "tokenizers"))


def main():
    megabytes, rounds, training = (int(a) for a in (sys.argv[1:] + ["100", "3", "20"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        texts = corpus(megabytes * 1_000_000)
        bench_encoding(folder, texts, rounds)
        bench_families(PROGRAM, folder, texts, rounds, max(1, megabytes // 10))
        bench_training(folder, texts, rounds, training)


if __name__ == "__main__":
    main()
