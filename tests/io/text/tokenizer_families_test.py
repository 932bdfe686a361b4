"""Tokenizers with the structure of each public family, compared with Hugging Face tokenizers: ids, special tokens around a
text, decoding whole and token by token, cuts of long text, refusals, and every code point of the normalizers.

    tokenizer_families_test.py PROGRAM      tests/io/text/tokenizer_server
"""

import functools
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from tokenizer_oracle_test import CASED, LLAMA3, NASTY, QWEN2, characters, fuzz, prose  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

PROGRAM = sys.argv.pop(1)
MARK = "\u2581"
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
MORE = [
    "Hello, World! don't  do not 's n't it 's . , ?!", "\u212b \u1e9b\u0323 \u0344 \uac00\u11a8 \u1100\u1161\u11a8 \u0958 \u2126\u0301 e\u0323\u0301 e\u0301\u0323",
    "ﬁ ① ㍿ ﷺ ½ ｱﾞ ＡＢＣ \u00a0 \u2003 ℌ", "\u0300\u0301 \u0301a", "CAFÉ Ünïcode ÅNGSTRÖM ΑΣ İi ǅ ẞ", "中文字符 mixed 漢字かな 한국어",
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101 + " " + "é" * 100 + " " + "é" * 101, MARK + "x" + MARK + MARK + "y z" + MARK, " lead", "  two", "trail ", "\tx\n y",
    "<0x41><0x0A> <unk> <s> </s> [UNK] [CLS] [SEP] [MASK]", "[CLS]x[SEP]", "a[MASK]b [MASK] c", "x<mask>y <mask> z", "😀é\u0301字\x00\x01\x7f\x85\u200b",
    "1234567 12.5 ٣٤٥ ²³ Ⅷ x1y2 1\u0301", "a.b,c;d--e!!f (g) [h] {i} «j» „k“", "new\n\n\nlines\n \n", " " * 40 + "x" + " " * 17 + "y", "=" * 300, "ab" * 400, "字" * 300,
]


class Server:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def trained(model, trainer, corpus, normalizer=None, pre_tokenizer=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


@functools.lru_cache
def byte_level_bpe(corpus, size=1500):
    return trained(models.BPE(), trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                   show_progress=False), corpus, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False))


@functools.lru_cache
def sentence_piece_bpe(corpus, bytes_too=True, marks_inside=False):
    """Llama-2's kind: words of the corpus with their mark; tokens for bytes; runs of marks and of line ends."""
    split = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(MARK, "always", split=not marks_inside)] +
                                    ([] if not marks_inside else [pre_tokenizers.Split(Regex(".{1,12}"), "isolated")]))
    tokenizer = trained(models.BPE(), trainers.BpeTrainer(vocab_size=1600, limit_alphabet=150, show_progress=False), corpus, pre_tokenizer=split)
    parts = json.loads(tokenizer.to_str())["model"]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    if bytes_too:
        vocabulary.update({f"<0x{b:02X}>": b + 3 for b in range(256)})
    for token in sorted(parts["vocab"], key=parts["vocab"].get):
        vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(m) for m in parts["merges"]]
    for token in (MARK * 2, MARK * 4, MARK * 8, "\n\n", "\n\n\n"):
        vocabulary.setdefault(token, len(vocabulary))
        vocabulary.setdefault("\n", len(vocabulary))
        half = len(token) - len(token) // 2
        merges.append((token[:half], token[half:]))
    return vocabulary, merges


class Families(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        text = prose(250_000)
        cls.corpus = tuple(text[i : i + 2000] for i in range(0, len(text), 2000))
        cls.seed = random.SystemRandom().randrange(1 << 32)
        print(f"NOTE: seed {cls.seed}", file=sys.stderr)
        cls.texts = NASTY + MORE + fuzz(cls.seed, 150, characters(cls.seed + 1)) + list(cls.corpus[:6] + cls.corpus[-6:])

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def load(self, tokenizer):
        text = tokenizer if isinstance(tokenizer, str) else tokenizer.to_str()
        answer = self.server.ask(load=text)
        self.assertNotIn("error", answer)
        return answer

    def compare(self, tokenizer, texts=None, cuts=None):
        """Loads the tokenizer and compares everything; `cuts`: whether long text may be cut."""
        texts = self.texts if texts is None else texts
        described = self.load(tokenizer)
        ids = self.server.ask(encode=texts)
        theirs = [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        for text, a, b in zip(texts, ids, theirs):
            self.assertEqual(a, b, repr(text))
        before, after, between, pair_after, pair_before = described["wrapping"]
        whole = tokenizer.encode_batch_fast(texts[:40], add_special_tokens=True)
        self.assertEqual([before + i + after for i in ids[:40]], [e.ids for e in whole])
        self.assertEqual(pair_before + ids[3] + between + ids[4] + pair_after, tokenizer.encode(texts[3], texts[4]).ids)
        added = tokenizer.get_added_tokens_decoder()
        self.assertEqual(described["special"], sorted(i for i, t in added.items() if t.special))
        generator = random.Random(self.seed)
        some = [generator.choices(range(described["vocabulary"]), k=generator.randrange(40)) for _ in range(60)]
        known = set(tokenizer.get_vocab(with_added_tokens=True).values())
        lists = [e.ids for e in whole] + ids + [[i for i in s if i in known] for s in some]
        for skip in (False, True):
            ours = self.server.ask(decode=lists, skip=skip)
            decoded = tokenizer.decode_batch(lists, skip_special_tokens=skip)
            for i, a, b in zip(lists, ours, decoded):
                self.assertEqual(a, b, i)
            for parts, text in zip(self.server.ask(stream=lists, skip=skip), decoded):
                self.assertEqual("".join(parts), text)
        cut = self.server.ask(cut=texts)
        self.assertEqual(cut["wrong"], [])
        if cuts is not None:
            self.assertEqual(cut["cuts"] > 500, cuts, cut["cuts"])
        return described

    def llama2(self, normalizer=None, pre_tokenizer=None, decoder=None, unk=True, marks_inside=False, bytes_too=True, fuse=True, special=True):
        vocabulary, merges = sentence_piece_bpe(self.corpus, bytes_too, marks_inside)
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>" if unk else None, fuse_unk=fuse, byte_fallback=bytes_too))
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoder or decoders.Sequence(
            [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        if special:
            tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
        return tokenizer

    LEGACY = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])

    def test_llama2(self):
        described = self.compare(self.llama2(self.LEGACY), cuts=True)
        self.assertEqual((described["end"], described["unknown"]), (2, 0))

    def test_llama2_with_normalized_special_tokens(self):
        tokenizer = self.llama2(self.LEGACY, special=False)
        tokenizer.add_special_tokens([AddedToken(t, normalized=True, special=True) for t in ("<unk>", "<s>", "</s>")])
        tokenizer.add_tokens([AddedToken("two words", normalized=True), AddedToken("<R>", rstrip=True, normalized=True), AddedToken("<L>", lstrip=True)])
        self.compare(tokenizer, cuts=False)

    def test_llama2_with_a_word_added(self):
        """Prepend marks the text after it, and would not mark the second part of a text that is cut there."""
        tokenizer = self.llama2(self.LEGACY)
        tokenizer.add_tokens([AddedToken("USER", normalized=False)])
        self.compare(tokenizer, self.texts + ["the USER said: aUSER is USER"], cuts=False)

    def test_llama2_without_bytes(self):
        for fuse in (True, False):
            self.compare(self.llama2(self.LEGACY, bytes_too=False, fuse=fuse))
        self.compare(self.llama2(self.LEGACY, bytes_too=False, unk=False))

    def test_merges_over_marks(self):
        """Tokens that hold "x▁y": a text is not cut before its marks then."""
        self.compare(self.llama2(self.LEGACY, marks_inside=True), cuts=False)

    def test_mistral_metaspace(self):
        for scheme in ("first", "always", "never"):
            for split in (False, True):
                decoder = decoders.Metaspace(MARK, scheme, split=split) if split else None
                self.compare(self.llama2(pre_tokenizer=pre_tokenizers.Metaspace(MARK, scheme, split=split), decoder=decoder), cuts=True)

    def test_metaspace_first_after_normal_forms(self):
        first = pre_tokenizers.Metaspace(MARK, "first", split=False)
        for normalizer in (normalizers.NFC(), normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])):
            self.compare(self.llama2(normalizer, first))

    def test_metaspace_of_older_files(self):
        for prefix in (True, False):
            parts = json.loads(self.llama2(pre_tokenizer=pre_tokenizers.Metaspace(MARK, "always")).to_str())
            for section in ("pre_tokenizer", "decoder"):
                parts[section] = {"type": "Metaspace", "replacement": MARK, "str_rep": MARK, "add_prefix_space": prefix}
                if not prefix:
                    parts[section]["prepend_scheme"] = "never"
            self.compare(Tokenizer.from_str(json.dumps(parts)))

    def test_gemma(self):
        tokenizer = self.llama2(normalizers.Replace(" ", MARK), pre_tokenizers.Split(" ", "merged_with_previous"),
                                decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]))
        tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>", "<mask>", "<start_of_turn>"])
        tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("\n\n\n", "\t\t", "<table>", MARK * 3)])
        bos, eos = tokenizer.token_to_id("<bos>"), tokenizer.token_to_id("<eos>")
        tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", pair="<bos> $A <eos> <bos> $B <eos>",
                                                                 special_tokens=[("<bos>", bos), ("<eos>", eos)])
        self.assertEqual(self.compare(tokenizer, cuts=True)["mask"], tokenizer.token_to_id("<mask>"))

    def test_byte_level_families(self):
        base = byte_level_bpe(self.corpus)
        split = lambda pattern, behavior="isolated", invert=False: pre_tokenizers.Split(Regex(pattern), behavior, invert)
        level = lambda regex=False: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
        llama3 = processors.Sequence([processors.ByteLevel(trim_offsets=True),
                                      processors.TemplateProcessing(single="<|bos|> $A", pair="$A <|bos|>:1 $B:1", special_tokens=[("<|bos|>", 1500)])])
        roberta = processors.RobertaProcessing(("<|eos|>", 1501), ("<|bos|>", 1500))
        for normalizer, steps, post, cuts in [
            (None, [split(LLAMA3), level()], llama3, True),
            (normalizers.NFC(), [split(QWEN2), level()], processors.ByteLevel(trim_offsets=False), True),
            (None, [pre_tokenizers.Digits(individual_digits=True), level(True)], None, True),  # SmolLM
            (None, [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Punctuation(), level(True)], roberta, True),
            (normalizers.NFKC(), [split(CASED, "removed", True), level()], None, True),
            (normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]), [level(True)], None, True),
            (normalizers.NFD(), [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(LLAMA3), level()], None, False),  # DeepSeek
            (normalizers.Strip(), [pre_tokenizers.Punctuation("contiguous"), level(True)], None, False),
            (normalizers.Replace(Regex(r"\s+"), " "), [pre_tokenizers.CharDelimiterSplit("e"), level(True)], None, False),
        ]:
            tokenizer = Tokenizer.from_str(base.to_str())
            if normalizer:
                tokenizer.normalizer = normalizer
            tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
            tokenizer.decoder = decoders.ByteLevel()
            tokenizer.add_special_tokens(["<|bos|>", "<|eos|>", "<pad>"])
            tokenizer.add_tokens([AddedToken("NoRm", normalized=True), AddedToken("<mask>", lstrip=True, special=True)] if not normalizer else ["<think>"])
            if normalizer:  # normalized tokens forbid cuts
                cuts = None
            if post:
                tokenizer.post_processor = post
            self.compare(tokenizer, cuts=cuts)

    def test_split_behaviors(self):
        base = byte_level_bpe(self.corpus, 600)
        texts = NASTY + MORE + fuzz(self.seed, 60, " a\tb  c1.\n2x")
        for behavior in ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"):
            for invert in (False, True):
                for pattern in (" ", "a", "ab", Regex(r"\s+"), Regex(r"[ab]|\d"), Regex(r"x*"), Regex(LLAMA3)):
                    tokenizer = Tokenizer.from_str(base.to_str())
                    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                        [pre_tokenizers.Split(pattern, behavior, invert), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
                    self.load(tokenizer)
                    theirs = [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
                    for text, a, b in zip(texts, self.server.ask(encode=texts), theirs):
                        self.assertEqual(a, b, (behavior, invert, pattern, text))

    @functools.lru_cache
    def word_piece(self):
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=special, show_progress=False)
        return trained(models.WordPiece(unk_token="[UNK]"), trainer, self.corpus, normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()).to_str()

    def bert(self, **flags):
        tokenizer = Tokenizer.from_str(self.word_piece())
        tokenizer.normalizer = normalizers.BertNormalizer(**flags)
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                                 special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
        return tokenizer

    def test_bert(self):
        uncased = self.bert()
        described = self.compare(uncased, cuts=True)
        self.assertEqual((described["end"], described["mask"], described["pad"], described["unknown"]), (None, 4, 0, 1))
        vocabulary = uncased.get_vocab()
        self.assertEqual(described["continues"], sorted(i for t, i in vocabulary.items() if t.startswith("##")))
        cased = self.bert(lowercase=False, strip_accents=None)
        cased.decoder = decoders.WordPiece(cleanup=False)
        cased.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        self.compare(cased)
        odd = json.loads(self.bert(clean_text=False, handle_chinese_chars=False, strip_accents=False).to_str())
        odd["model"].update(max_input_chars_per_word=5)
        odd["truncation"] = {"max_length": 128, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
        tokenizer = Tokenizer.from_str(json.dumps(odd))
        tokenizer.no_truncation()
        self.compare(tokenizer)

    def test_whitespace_pre_tokenizers(self):
        tokenizer = self.bert(lowercase=False, strip_accents=True)
        for pre_tokenizer in (pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(),
                              pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_next"), pre_tokenizers.Digits(True)])):
            tokenizer.pre_tokenizer = pre_tokenizer
            self.compare(tokenizer)

    def test_the_model_does_not_know_added_tokens(self):
        vocabulary = {"a": 0, "2": 1}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], continuing_subword_prefix="##", unk_token="a", fuse_unk=True))
        tokenizer.add_tokens([AddedToken("\n", single_word=True)])
        self.compare(tokenizer, ["\n2", "\n2x\nAB", "\n", "2\n", "a 2\n"])
        parts = json.loads(tokenizer.to_str())
        parts["model"]["unk_token"] = "\n"
        tokenizer = Tokenizer.from_str(json.dumps(parts))
        self.load(tokenizer)
        self.assertRaises(Exception, tokenizer.encode, "x")
        self.assertIn("lacks its unknown token", self.server.ask(encode=["x"])["error"])

    def test_byte_fallback_after_byte_level(self):
        """Every byte has a token, so there is nothing to fall back from."""
        parts = json.loads(byte_level_bpe(self.corpus).to_str())
        parts["model"].update(byte_fallback=True)
        self.compare(Tokenizer.from_str(json.dumps(parts)))

    def test_affixes_and_no_decoder(self):
        """GPT-1's and CLIP's kind: an end of each word; and BPE with WordPiece's prefix."""
        for options in ({"end_of_word_suffix": "</w>"}, {"continuing_subword_prefix": "##"}):
            trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>"], limit_alphabet=80, show_progress=False, **options)
            tokenizer = trained(models.BPE(unk_token="<unk>", **options), trainer, self.corpus,
                                normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
                                pre_tokenizers.Whitespace())
            self.compare(tokenizer)  # decodes with spaces between tokens
            if "end_of_word_suffix" in options:
                tokenizer.decoder = decoders.BPEDecoder("</w>")
                self.compare(tokenizer)

    def normalizes_alike(self, normalizer, texts):
        """A tokenizer that tells its normalizer's output apart: every byte has a token of its own."""
        tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[]))
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
        self.load(tokenizer)
        decoded = self.server.ask(decode=self.server.ask(encode=texts))
        for text, ours in zip(texts, decoded):
            theirs = normalizer.normalize_str(text)
            if ours != theirs:
                wrong = [(hex(ord(a)), hex(ord(b))) for a, b in zip(ours, theirs) if a != b]
                self.fail(f"{normalizer}: {text[:80]!r} {wrong[:10]}")

    def test_every_code_point_in_every_normalizer(self):
        marks = [c for c in POINTS if c < 0x20000 and normalizers.NFD().normalize_str("a" + chr(c) + "\u0334\u0345") != "a" + normalizers.NFD().normalize_str(chr(c)) + "\u0334\u0345"]
        generator = random.Random(self.seed)
        alone = "|".join(map(chr, POINTS[:0x33480]))
        lines = [alone[i : i + 100_000] for i in range(0, len(alone), 100_000)]
        # Each one between a letter and two marks; and random company.
        lines += ["".join(f"a{chr(c)}\u0334{chr(generator.choice(marks))}" for c in POINTS[i : i + 20_000]) for i in range(0, 0x33480, 20_000)]
        lines += ["".join(chr(c) for c in generator.choices(marks, k=40)) + "e" for _ in range(300)]
        lines += ["".join(chr(generator.choice((0x1100, 0x1161, 0x11A8, 0xAC00, 0x41, 0x301, 0x9C7, 0x9BE, 0xDD9, 0xDCA, 0xDCF, 0x1025, 0x102E))) for _ in range(60)) for _ in range(50)]
        for normalizer in (normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents(),
                           normalizers.BertNormalizer(), normalizers.BertNormalizer(lowercase=False, strip_accents=False)):
            self.normalizes_alike(normalizer, lines)
        self.normalizes_alike(normalizers.Strip(), [chr(c) + "a" + chr(c) for c in range(0x3100)])
        self.normalizes_alike(normalizers.Replace(Regex(r"x+"), "-"), ["", "axxb", "xx", "bx", "aé"])

    def test_every_code_point_in_every_pre_tokenizer(self):
        text = "".join(f"a{chr(c)}{chr(c)}1." for c in POINTS[:0x33480])
        lines = [text[i : i + 200_000] for i in range(0, len(text), 200_000)]
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        pairs = [(a, b) for a in alphabet for b in alphabet]
        vocabulary = {token: i for i, token in enumerate(alphabet + [a + b for a, b in pairs])}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
        for step in (pre_tokenizers.Digits(True), pre_tokenizers.Digits(False), pre_tokenizers.Punctuation(), pre_tokenizers.BertPreTokenizer(),
                     pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit()):
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence([step, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
            self.load(tokenizer)
            theirs = [e.ids for e in tokenizer.encode_batch_fast(lines)]
            self.assertTrue(self.server.ask(encode=lines) == theirs, step)

    def test_refusals(self):
        def refused(parts, word, **change):
            parts = json.loads(parts.to_str())
            for key, value in change.items():
                if isinstance(value, dict) and isinstance(parts.get(key), dict) and "type" not in value:
                    parts[key].update(value)
                else:
                    parts[key] = value
            message = self.server.ask(load=json.dumps(parts)).get("error", "accepted")
            self.assertIn(word, message)
            self.assertTrue(message.count("\n") == 0, message)

        llama, bert = self.llama2(self.LEGACY), self.bert()
        refused(llama, "dropout", model={"dropout": 0.1})
        refused(llama, "byte_fallback", model={"end_of_word_suffix": "</w>"})
        refused(llama, "Precompiled", normalizer={"type": "Precompiled", "precompiled_charsmap": ""})
        refused(llama, "nested", normalizer=json.loads('{"type": "Sequence", "normalizers": [' * 20 + '{"type": "NFC"}' + "]}" * 20))
        refused(llama, "UnicodeScripts", pre_tokenizer={"type": "UnicodeScripts"})
        refused(llama, "after ByteLevel", pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]})
        refused(llama, "one character", pre_tokenizer={"type": "Metaspace", "replacement": "ab"})
        refused(llama, "prepend_scheme", pre_tokenizer={"type": "Metaspace", "replacement": "a", "prepend_scheme": "last"})
        refused(llama, "byte_fallback after ByteLevel", pre_tokenizer={"type": "ByteLevel"})
        mark = {"type": "Metaspace", "replacement": MARK}
        refused(bert, "Metaspace with a WordPiece model", pre_tokenizer=mark)
        for scheme in ({}, {"prepend_scheme": "first"}):
            refused(llama, "add_prefix_space", normalizer=None, pre_tokenizer={**mark, "add_prefix_space": False, **scheme})
        for step in ({"type": "Strip"}, {"type": "StripAccents"}, {"type": "BertNormalizer"}, {"type": "Prepend", "prepend": "a"},
                     {"type": "Replace", "pattern": {"String": " "}, "content": "a"}):
            refused(llama, "prepend_scheme first", normalizer=step, pre_tokenizer={**mark, "prepend_scheme": "first"})
        refused(llama, "prepend_scheme first", normalizer={"type": "NFKD"}, pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Digits"}, {**mark, "prepend_scheme": "first"}]})
        for pattern in ("x*", "$", "b|"):
            refused(llama, "matches no characters", normalizer={"type": "Replace", "pattern": {"Regex": pattern}, "content": "-"})
        self.load(self.llama2(normalizers.Replace(Regex("(?<=a)"), "-")))
        self.assertIn("matches no characters", self.server.ask(encode=["ba"])["error"])
        empty = {"pattern": {"String": ""}, "content": "a", "behavior": "Isolated"}
        refused(llama, "empty String", normalizer={"type": "Replace", **empty})
        refused(llama, "empty prepend", normalizer={"type": "Prepend", "prepend": ""})
        refused(llama, "empty String", pre_tokenizer={"type": "Split", **empty})
        refused(llama, "one character", pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "ab"})
        refused(llama, "empty String", decoder={"type": "Replace", **empty})
        refused(llama, "empty content", decoder={"type": "Strip", "content": "", "start": 1 << 62, "stop": 0})
        refused(llama, "one character", decoder={"type": "Strip", "content": "ab", "start": 1, "stop": 0})
        refused(llama, "256 times", normalizer={"type": "Sequence", "normalizers": [{"type": "NFKD"}] * 3})
        long_token = Tokenizer.from_str(llama.to_str())
        long_token.add_tokens([AddedToken("x" * 1025, normalized=False)])
        refused(long_token, "1025 bytes")
        only_added = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
        only_added.add_tokens(["ab", "b"])
        refused(only_added, "lacks the token", model={"merges": [["a", "b"]]})
        refused(llama, "CTC", decoder={"type": "CTC"})
        refused(llama, "ends of tokens", decoder={"type": "Strip", "content": " ", "start": 0, "stop": 1})
        refused(llama, "joins all tokens", decoder={"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]})
        refused(llama, "Unknown", post_processor={"type": "Unknown"})
        refused(llama, "99999", post_processor={"type": "BertProcessing", "sep": ["a", 99999], "cls": ["b", 1]})
        refused(bert, "Unigram", model={"type": "Unigram", "vocab": []})
        refused(bert, "WordLevel", model={"type": "WordLevel", "vocab": {"a": 0}})
        self.load(bert)
        self.assertNotIn("error", self.server.ask(encode=["x"]))
        parts = json.loads(bert.to_str())
        parts["model"]["unk_token"] = "<none>"
        self.load(json.dumps(parts))
        self.assertIn("lacks its unknown token <none>", self.server.ask(encode=["a" * 101])["error"])
        self.assertIn("\"a" + "ж" * 49 + "\"", self.server.ask(encode=["a" + "ж" * 100])["error"])  # no half character


if __name__ == "__main__":
    unittest.main(verbosity=2)
