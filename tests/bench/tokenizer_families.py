"""Encoding with tokenizers that are not plain byte-level BPE, one thread, against Hugging Face's encode_batch_fast: the
structure of public families, vocabularies of 16000 trained on the first megabytes of the text. Called by tokenizer.py."""

import json
import os
import statistics
import subprocess
import time

from harness import alternate, ratio_line

MARK = "\u2581"
TRAINED_ON = 4_000_000
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def sentence_piece(sample):
    """Vocabulary and merges of Llama-2's kind: words with their mark, tokens for bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(MARK)
    tokenizer.train_from_iterator(sample, trainers.BpeTrainer(vocab_size=16000, limit_alphabet=1000, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"<0x{b:02X}>": b + 3 for b in range(256)}}
    for token in sorted(model["vocab"], key=model["vocab"].get):
        vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(m) for m in model["merges"]]
    for length in (2, 4, 8, 16):
        vocabulary.setdefault(MARK * length, len(vocabulary))
        merges.append((MARK * (length // 2), MARK * (length // 2)))
    return models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)


def families(sample):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    marked = sentence_piece(sample)
    llama2 = Tokenizer(marked)
    llama2.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    llama2.add_special_tokens(["<s>", "</s>"])
    yield "Llama-2's kind", llama2
    gemma = Tokenizer(marked)
    gemma.normalizer = normalizers.Replace(" ", MARK)
    gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    gemma.add_special_tokens(["<s>", "</s>"])
    yield "Gemma's kind", gemma
    mistral = Tokenizer(marked)
    mistral.pre_tokenizer = pre_tokenizers.Metaspace(MARK, "first", split=False)
    yield "Mistral's Metaspace", mistral
    bytes_of = trainers.BpeTrainer(vocab_size=16000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    qwen = Tokenizer(models.BPE())
    qwen.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                                                  pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    qwen.train_from_iterator(sample, bytes_of)
    smol = Tokenizer.from_str(qwen.to_str())
    qwen.normalizer = normalizers.NFC()
    yield "Qwen's kind, NFC", qwen
    smol.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    yield "SmolLM's kind, digits", smol
    bert = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    bert.normalizer = normalizers.BertNormalizer()
    bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bert.train_from_iterator(sample, trainers.WordPieceTrainer(vocab_size=16000, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    yield "BERT's kind", bert


def bench_families(program, folder, texts, rounds, megabytes):
    chosen, size = [], 0
    for text in texts:
        if size < megabytes * 1_000_000:
            chosen.append(text)
            size += len(text.encode())
    file, path = folder / "families", folder / "family.json"
    file.write_bytes("\0".join(chosen).encode())
    sample = []
    while chosen and sum(map(len, sample)) < TRAINED_ON and len(sample) < len(chosen):
        sample.append(chosen[len(sample)])
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name, theirs in families(sample):
        theirs.save(str(path))
        counts = {}

        def ours():
            words = subprocess.run([program, path, file, "1"], check=True, capture_output=True, text=True).stdout.split()
            counts["trireme"] = int(words[1])
            return size / float(words[0]) / 1e6

        def peer():
            start = time.perf_counter()
            encodings = theirs.encode_batch_fast(chosen, add_special_tokens=False)
            seconds = time.perf_counter() - start
            counts["tokenizers"] = sum(len(e) for e in encodings)
            return size / seconds / 1e6

        figures = alternate({"trireme": ours, "tokenizers": peer}, rounds, warmup=0)
        assert len(set(counts.values())) == 1, f"the candidates disagree on {name}: {counts}"
        print(f"  {name}: MB/s {statistics.median(figures['trireme']):.1f} and {statistics.median(figures['tokenizers']):.2f}")
        ratio_line(f"{name}, one thread against tokenizers", figures["trireme"], figures["tokenizers"], 4.0, False, ("trireme", "tokenizers"))
