"""Compares `trireme tokenizer` with Hugging Face tokenizers: ids, decoding, trained vocabularies, refusals."""

import glob
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TRIREME = os.environ["TRIREME_BIN"]
GPT2_DIRECTORY = pathlib.Path(os.environ["TRIREME_SOURCE"]).resolve().parent / "shared/data/gpt2-bpe"
END = "<|endoftext|>"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# o200k's and Qwen2's.
CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
# Trireme has no scanner for these.
DIGITS = r"\p{N}|\S+"
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
CONSTRUCTS = [
    # quantifiers
    r"a{1,3}+", r"a{,3}", r"a{2}?", r"a{2,}?b", r"a{2}+", r"a{,}", r"a{", r"a{1", r"a??b", r"a*+b", r"a++", r"a?+a", r"(?:ab){2,3}",
    r"(a|ab)(c|bcd)?", r"(?>a+)b", r"(?:a+)+b", r"(?:a*)*", r"(?:a|b)*?c", r"a{0}b", r"(?:a{2}){2}", r"\w{2,4}?",
    # classes
    r"\w+", r"\W+", r"\d+", r"\D+", r"\s+", r"\S+", r"\h+", r"\H+", r"[\w]+", r"[^\w]+", r"[\W\d]+", r"[\s\S]", r"[^\S]", r"[\h-]+",
    r"\p{L}+", r"\P{L}+", r"\p{^L}+", r"[\p{L}\p{M}]+", r"[^\p{L}\P{N}]+", r"\p{Lu}\p{Ll}*", r"\p{Han}+", r"\p{Hiragana}|\p{Katakana}",
    r"\p{Greek}+", r"\p{Cyrillic}+", r"\p{grek}+", r"\p{In_Basic_Latin}+", r"\p{Emoji}+", r"\p{White_Space}", r"\p{white-space}", r"\p{Alpha}+",
    r"\p{Punct}+", r"\p{S}+", r"\p{Sc}", r"\p{Any}", r"\p{Word}+", r"\P{Word}+", r"[\p{Word}]+", r"\p{Alnum}+", r"\p{Graph}+", r"\p{Common}+",
    r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[[:punct:]]+", r"[[:word:]]+", r"[^[:space:]]+", r"[[:upper:][:digit:]]+", r"[[:print:]]+",
    r"[a-c]+", r"[^a-c]+", r"[a-]+", r"[-a]+", r"[a-c-e]+", r"[a-z&&[^b-y]]+", r"[a-z&&b-y&&c-]+", r"[^a-z&&[^aeiou]]+", r"[a[bc]d]+", r"[a[^b]]+",
    r"[\]\[\-]+", r"[.*+?^$|(){}]+", r"[\x61-\x63]+", r"[\u0061\x{62}]+", r"[\t\n\r\f\v\a\e\b]+", r"[!--]+", r"[&]+", r"[^\x{0}-\x{10FFFF}]|a",
    r"\x61\u0062", r"\x{e9}+", r"\R", r"\N+", r"\O{3}", r".+", r"(?m:.+)", r"(?m).+?a",
    # case
    r"(?i:ß)", r"(?i:ss)", r"(?i:straße)", r"(?i:[ß])", r"(?i:[a-c])+", r"(?i:[^a-c])+", r"(?i:k)", r"(?i:ſ)", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"(?i)ab|CD",
    r"a(?i)b|c", r"a(?i:b)c", r"(?i:a(?-i)b)", r"(?i:\p{Lu})+", r"(?i:[\p{Lu}])+", r"(?i:[^\p{Ll}])+", r"(?i:\w)+", r"(?i:ﬁ)", r"(?i:ŉ|ΐ)", r"(?i:İ)",
    r"(?i:ᲊ)", r"(?i:[\x{10D50}-\x{10D52}])+", r"(?i:\x{A7DA}|ɤ)", r"(?i:[ɤƛ])", r"(?i:Σ)", r"(?i:[σ])",
    # places
    r"^.", r".$", r"^", r"$", r"\A.", r".\z", r".\Z", r"\b", r"\B", r"\b\w", r"\w\b", r"\b.", r"\B.", r"(?i:\b)a", r"\Ga", r"(?<=a)b", r"(?<!a)b", r"(?<=a|bc)d",
    r"(?<=a+)b", r"(?=ab)a", r"a(?!b)", r"(?<![\p{L}])\p{L}", r"\s+(?=\S)", r"(?=a)|(?=b)", r"(?!)", r"",
    # groups
    r"(a)\1", r"(?<x>a|b)\k<x>", r"(?<x>a|b)\g<x>", r"(?<p>\((?:[^()]|\g<p>)*\))", r"(a)?(?(1)b|c)", r"(?<n>a)?(?(<n>)b|c)", r"(?~ab)", r"(?#comment [ )a",
    r"(?x) a b # comment [\n | c", r"(?x: a\ b )c d", r"a|", r"|a", r"a||b", r"(?:)", r"()", r"(?:a(?:b(?:c)))", r"\Q\E", r"\pL", r"\.", r"\/", r"\é", r"]", r"}", r"a]b",
]

NASTY = [
    "", " ", "  ", "\n", "\r\n", "\r", "\t", "\0", "a\0b\0\0c", "a", " a", "a ", "a  b", "a   ", "\n\n\n", "a\n\n\nb",
    "a \n b", "a\r\nb\r\n\r\nc", "a\r\n  b", " \n \n x", "\n  \r\n\t x", "x\n \n", "a\u2028b\u2029c", "\u0085a\u0085\u0085b",
    "x\u180ey", "x\ufeffy", "\ufeffstart", "a\u00a0b\u00a0\u00a0c", "a\u3000b \u3000 c", "a\u200bb\u200c\u200dc",
    "it's IT'S it’s we'Re they'LL I'Ve 'S 's 'sx 'll'll ''s '", "'ſ x'ſ 'ſa", "don't DON'T d'accord l'été L'ÉTÉ o'r",
    "1 12 123 1234 12345678901 ٣٤٥ ४५६ Ⅷ ½ ²³ 1.5e-3 0x1F 1a2b3", "e\u0301 a\u0300\u0301\u0302 \u0301 \u0301a n\u0303o",
    "👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 🏳️‍🌈 ☃️ 😀😀😀", "日本語のテキスト 中文。한국어 ไทย العربية עברית हिन्दी", "Ǆ ǅ ǆ ß ẞ ŉ ﬁ ﬀ İ ı K Å",
    "\u0378\u0379 \U000e0fff \U0010ffff \ufffe \uffff \U00020000 \ue000", "ᲊ 𞗐 𐵀 𑿀 \U0001fae9 \ua7dc", "---===***!!!???\n\n...\n",
    "foo(bar);\n\n    return x;\n}\n\t\tif (a)\n", " " * 257 + "x", "\t" * 100 + "y" + "\n" * 100, " \t" * 50, "a" + " " * 100,
    "Ġ Ċ Ã© ĉ", "x" * 500 + "!" * 500 + "7" * 500, "_under_score_ __init__ camelCase HTTPServer", "a\x7fb\x1b[0m\x01",
    "<|endoftext", "|>", "< |endoftext|>", "<|begin_of_text|>x<|end_of_text|>", "x  <L>  y", "x  <R>  y<R>", "a<W>b <W> é<W> <W>é .<W>.",
    "<N><N>x <N> ", "<|reserved|><|reserved_1|><|reserved_12|>", " <L><R> <L> ", "<W><W> <W>", "\u0301<W> ‿<W> \u200d<W> ²<W>",
]


def run(*words, data=b"", expect=0):
    result = subprocess.run([TRIREME, "tokenizer", *map(str, words)], input=data, capture_output=True, timeout=100)
    assert result.returncode == expect, (words, result.returncode, result.stderr.decode())
    return result.stderr if expect else result.stdout


def fuzz(seed, count, alphabet):
    generator = random.Random(seed)
    return ["".join(generator.choices(alphabet, k=generator.randrange(1, 60))) for _ in range(count)]


def characters(seed):
    """Mostly what patterns tell apart, and some of everything."""
    generator = random.Random(seed)
    everything = [chr(generator.randrange(0x110000)) for _ in range(6000)] + [chr(generator.randrange(0x3100)) for _ in range(6000)]
    everything = [c for c in everything if not 0xD800 <= ord(c) < 0xE000]
    common = list(" \n\r\t'.,aAsStTrRlLvVmMdDeE019\u00e9\u0301\u00a0\u3000\u2028\u0085\u180e\ufeffſ½²Ⅷ字👍\u200d_-")
    return common * (len(everything) // len(common)) + everything


def prose(limit):
    """Text that this machine has: Python's own sources and Debian's licences."""
    files = sorted(glob.glob(os.path.dirname(os.__file__) + "/*.py")) + sorted(glob.glob("/usr/share/common-licenses/*"))
    text = "".join(pathlib.Path(f).read_text(errors="replace") for f in files if os.path.isfile(f))
    other = "".join(n for n in NASTY) * 3
    return (text[: limit // 2] + other + text[-limit // 2 :])[:limit]


def pre_tokenizer(pattern, byte_level_pattern=False):
    if pattern is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=byte_level_pattern)]
    )


def boundary_tokenizer(pattern, letters=None):
    """Every pair of bytes (of those letters) merges at once, so that a word that ends one byte off changes the ids."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelled = sorted(set(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(letters)[0][0])) if letters else alphabet
    pairs = [(a, b) for a in spelled for b in spelled]
    random.Random(1).shuffle(pairs)
    vocabulary = {token: i for i, token in enumerate(alphabet + [a + b for a, b in pairs])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizer(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    return tokenizer


class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.corpus = prose(800_000)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def save(self, tokenizer, name):
        path = self.root / name
        tokenizer.save(str(path))
        return path

    def same_ids(self, tokenizer, path, texts, end=END):
        """All texts in one process, apart by a special token; then text by text."""
        joined = end.join(texts)
        ours = list(map(int, run("encode", path, data=joined.encode()).split()))
        theirs = tokenizer.encode(joined, add_special_tokens=False).ids
        if ours == theirs:
            return ours
        for text in texts:
            ids = list(map(int, run("encode", path, data=text.encode()).split()))
            self.assertEqual(ids, tokenizer.encode(text, add_special_tokens=False).ids, repr(text))
        self.fail("texts agree one by one, but not joined")

    def round_trip(self, path, ids, text):
        self.assertEqual(run("decode", path, data=" ".join(map(str, ids)).encode()), text.encode())

    def long_texts(self):
        generator = random.Random(3)
        letters = "".join(generator.choices("etaoinshrdlu", k=1 << 20))
        return [letters, "a" * (1 << 20), "".join(generator.choices("字語漢한👍é", k=1 << 18)), " " * (1 << 20) + "x", "=" * (1 << 20)]

    def gpt2(self):
        if GPT2_DIRECTORY.is_dir():
            directory = GPT2_DIRECTORY
        else:
            print(f"NOTE: {GPT2_DIRECTORY} is absent: a tokenizer of GPT-2's kind is trained instead", file=sys.stderr)
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizer(None)
            tokenizer.train_from_iterator([self.corpus], trainers.BpeTrainer(
                vocab_size=8000, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
            directory = self.root / "gpt2"
            directory.mkdir(exist_ok=True)
            tokenizer.model.save(str(directory))
        tokenizer = Tokenizer(models.BPE.from_file(str(directory / "vocab.json"), str(directory / "merges.txt")))
        tokenizer.pre_tokenizer = pre_tokenizer(None)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens([END])
        return tokenizer, directory

    def llama3(self, ignore_merges=True):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer(LLAMA3)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator([self.corpus], trainers.BpeTrainer(
            vocab_size=6000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
        parts = json.loads(tokenizer.to_str())
        # As in Llama 3, some tokens are reached by no merge: only ignore_merges finds them.
        parts["model"]["merges"] = [m for i, m in enumerate(parts["model"]["merges"]) if i < 1000 or i % 7]
        parts["model"]["ignore_merges"] = ignore_merges
        tokenizer = Tokenizer.from_str(json.dumps(parts))
        tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|reserved|>", "<|reserved_1|>", "<|reserved_12|>"])
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))])
        return tokenizer

    def test_gpt2_files(self):
        tokenizer, directory = self.gpt2()
        texts = NASTY + fuzz(7, 1000, characters(8)) + [self.corpus] + self.long_texts()
        ids = self.same_ids(tokenizer, directory, texts)
        self.round_trip(directory, ids, END.join(texts))
        hub = self.save(tokenizer, "gpt2.json")
        self.assertEqual(ids, list(map(int, run("encode", hub, data=END.join(texts).encode()).split())))
        for name in ("vocab.json", "merges.txt"):
            self.assertEqual(run("encode", directory / name, data=b"one two"), run("encode", hub, data=b"one two"))

    def test_llama3_kind(self):
        for ignore_merges in (True, False):
            tokenizer = self.llama3(ignore_merges)
            path = self.save(tokenizer, "llama3.json")
            texts = NASTY + fuzz(9, 1000, characters(10)) + [self.corpus] + (self.long_texts() if ignore_merges else [])
            ids = self.same_ids(tokenizer, path, texts, "<|end_of_text|>")
            self.round_trip(path, ids, "<|end_of_text|>".join(texts))

    def test_added_tokens_with_flags(self):
        tokenizer = self.llama3()
        tokenizer.add_tokens([AddedToken("<L>", lstrip=True, normalized=False), AddedToken("<R>", rstrip=True, normalized=False),
                              AddedToken("<W>", single_word=True, normalized=False), AddedToken("<N>", normalized=True, rstrip=True),
                              AddedToken("  <N>", normalized=True), AddedToken("W> é", normalized=True)])
        path = self.save(tokenizer, "flags.json")
        pieces = ["<L>", "<R>", "<W>", "<N>", " ", "\n", "a", "é", "\u0301", "²", ".", "<|end_of_text|>", "\u3000", "<", "W>"]
        generator = random.Random(4)
        texts = NASTY + ["".join(generator.choices(pieces, k=generator.randrange(1, 12))) for _ in range(1500)]
        self.same_ids(tokenizer, path, texts, "<|begin_of_text|>")

    def test_every_code_point(self):
        # Next to a number, punctuation and a letter: a wrong class joins or parts two of them.
        # Planes 4 to 13 hold no character; the rest of 14 to 16 is all alike.
        ranges = [range(0xD800), range(0xE000, 0x33480), range(0xDFFF0, 0xE0200), range(0x10FF00, 0x110000)]
        points = [chr(c) for r in ranges for c in r]
        text = "".join(f"{c}1.{c}y'" for c in points)
        for pattern in (None, LLAMA3, CASED, r"[^\w\p{Sc}]+|\p{Cased_Letter}+", r"[[:punct:]]+|\p{Common}|[[:alnum:]]+"):
            tokenizer = boundary_tokenizer(pattern)
            path = self.save(tokenizer, "boundary.json")
            lines = [text[i : i + 200_000] for i in range(0, len(text), 200_000)]
            theirs = [i for e in tokenizer.encode_batch_fast(lines) for i in e.ids + [tokenizer.token_to_id(END)]]
            ours = list(map(int, run("encode", path, data=(END.join(lines) + END).encode()).split()))
            self.assertTrue(ours == theirs, pattern)

    def test_word_boundaries(self):
        for pattern in (None, LLAMA3, CASED, QWEN2, DIGITS, CL100K):
            tokenizer = boundary_tokenizer(pattern)
            path = self.save(tokenizer, "boundary.json")
            texts = NASTY + fuzz(11, 1000, characters(12))
            ids = self.same_ids(tokenizer, path, texts)
            self.round_trip(path, ids, END.join(texts))

    def test_pattern_constructs(self):
        """Every construct alone and in random company, on random texts; ids equal, or the pattern is refused by name."""
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"NOTE: test_pattern_constructs has seed {seed}", file=sys.stderr)
        generator = random.Random(seed)
        pairs = [f"(?:{generator.choice(CONSTRUCTS)})(?:{generator.choice(CONSTRUCTS)})|(?:{generator.choice(CONSTRUCTS)})" for _ in range(60)]
        pairs = [p for p in pairs if "(?x" not in p and r"\g<" not in p]
        letters = list("aaabbbcdABC xyz  019'.,-_[](){}&\n\r\tßéſK½²٣字ǅσΣɤ") + ["SS", "ab", "abc", "\U00010d50", "\U00010d71", "ᲊ", "Ᲊ", "\u0301", "😀", "(a(b))"]
        texts = [t for t in NASTY if len(t) < 200] + ["".join(generator.choices(letters, k=generator.randrange(1, 40))) for _ in range(60)]
        refused = []
        for pattern in CONSTRUCTS + pairs:
            tokenizer, path = boundary_tokenizer(None, "".join(letters)), self.root / "construct.json"
            try:
                tokenizer.pre_tokenizer = pre_tokenizer(pattern)
            except Exception as error:  # Hugging Face refuses it: so must Trireme
                parts = json.loads(boundary_tokenizer(r"\p{L}", "a").to_str())
                parts["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern
                path.write_text(json.dumps(parts))
                run("encode", path, data=b"x", expect=2)
                refused.append(pattern)
                continue
            self.save(tokenizer, "construct.json")
            with self.subTest(pattern=pattern):
                self.same_ids(tokenizer, path, texts)
        self.assertLess(len(refused), 25, refused)

    def test_prefix_space_and_two_patterns(self):
        for splits in ([], [Regex(DIGITS)], [Regex(r"\p{N}"), Regex(LLAMA3)]):
            for use_regex in (True, False):
                for prefix in (True, False):
                    tokenizer = boundary_tokenizer(None)
                    steps = [pre_tokenizers.Split(s, "isolated") for s in splits]
                    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex))
                    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
                    self.same_ids(tokenizer, self.save(tokenizer, "steps.json"), NASTY[:60])

    def test_malformed_utf8_is_replaced(self):
        tokenizer, directory = self.gpt2()
        generator = random.Random(13)
        lead = [0xC0, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0x41, 0x20]
        data = bytes(generator.choices(lead, k=30000)) + b"\xf0\x9f\x98"
        ours = list(map(int, run("encode", directory, data=data).split()))
        self.assertEqual(ours, tokenizer.encode(data.decode("utf-8", "replace")).ids)

    def train_theirs(self, pattern, unit, file, vocabulary):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer(pattern)
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[END, "<pad>"],
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        if unit == "line":
            tokenizer.train([str(file)], trainer)
        else:
            tokenizer.train_from_iterator([file.read_bytes().decode()], trainer)
        return tokenizer

    def test_training(self):
        import transformers

        file = self.root / "corpus.txt"
        file.write_bytes(self.corpus.encode())
        path = self.root / "trained.json"
        for name, pattern in (("gpt2", None), ("llama3", LLAMA3)):
            for unit in ("line", "document"):
                theirs = self.train_theirs(pattern, unit, file, 4000)
                run("train", "--vocab", 4000, "--force", "--output", path, "--pattern", name, "--unit", unit, "--special", END,
                    "--special", "<pad>", file)
                expected, parts = json.loads(theirs.to_str()), json.loads(path.read_text())
                self.assertEqual([m.split(" ") for m in parts["model"]["merges"]], expected["model"]["merges"])
                self.assertEqual(parts["model"]["vocab"], expected["model"]["vocab"])
                read_back = Tokenizer.from_file(str(path))
                ids = self.same_ids(read_back, path, NASTY + [self.corpus[:50_000]])
                fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
                self.assertEqual(fast(self.corpus[:2000])["input_ids"], theirs.encode(self.corpus[:2000]).ids)
                self.round_trip(path, ids, END.join(NASTY + [self.corpus[:50_000]]))

    def test_training_on_texts_with_few_letters(self):
        generator = random.Random(17)
        file, path = self.root / "small.txt", self.root / "small.json"
        for alphabet in ("a", "ab", "aab ", "abcde  \n", "é字a "):
            file.write_bytes("".join(generator.choices(alphabet, k=3000)).encode())
            expected = json.loads(self.train_theirs(None, "document", file, 700).to_str())
            run("train", "--vocab", 700, "--force", "-o", path, "--unit", "document", "--special", END, "--special", "<pad>", file)
            parts = json.loads(path.read_text())
            self.assertEqual([m.split(" ") for m in parts["model"]["merges"]], expected["model"]["merges"], alphabet)
            self.assertEqual(parts["model"]["vocab"], expected["model"]["vocab"], alphabet)

    def test_too_many_ways_to_match(self):
        """Hugging Face panics; Trireme says which pattern and where."""
        parts = json.loads(boundary_tokenizer(r"(a+)+$|;").to_str())
        path = self.root / "ways.json"
        path.write_text(json.dumps(parts))
        message = run("encode", path, data=b";;" + b"a" * 40 + b"b", expect=2).decode()
        self.assertIn("(a+)+$|;", message)
        self.assertIn("at byte 2 ", message)

    def test_json_that_nobody_asked_for(self):
        tokenizer = boundary_tokenizer(LLAMA3)
        parts = json.loads(tokenizer.to_str())
        text = json.dumps(parts)
        extra = r'"mine": {"a\udfff": ["\ud83d", "\ud83d\ude00", NaN, -Infinity, Infinity, 1e999, -1e999]}, '
        path = self.root / "extra.json"
        path.write_text("{" + extra + text[1:].replace('"model": {', '"model": {' + extra))
        self.assertEqual(run("encode", path, data=b"it's 12345 words"), run("encode", self.save(tokenizer, "plain.json"), data=b"it's 12345 words"))

    def test_added_tokens_corners(self):
        def entry(content, number, **flags):
            return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                    "special": False, **flags}

        first = boundary_tokenizer(None, "<RLS>ab \n").get_vocab_size(with_added_tokens=False)
        generator = random.Random(5)
        tables = [
            [entry("<R>", first, rstrip=True), entry("<L>", first + 1, lstrip=True)],
            [entry("<R>", first, rstrip=True), entry(" <S>", first + 1, lstrip=True), entry("\n", first + 2), entry(" ", first + 3, lstrip=True)],
            [entry("<R>", first), entry("<R>", first, rstrip=True), entry("<L>", first + 1)],
            [entry("<R>", first, rstrip=True), entry("<R>", first + 1), entry("<L>", first + 1, lstrip=True)],
            [entry("<R>", first, special=True), entry("<R>", first, rstrip=True, normalized=True), entry("<L>", first + 1, normalized=True)],
            [entry("<R>", first, normalized=True), entry("<R>", first, rstrip=True), entry("a<R>", first + 1, normalized=True)],
            [entry("", first), entry("<R>", first), entry("<L>", first + 1, lstrip=True, rstrip=True)],
        ]
        failed = 0
        for table in tables:
            parts = json.loads(boundary_tokenizer(None, "<RLS>ab \n").to_str())
            parts["added_tokens"] = table
            path = self.root / "corner.json"
            path.write_text(json.dumps(parts))
            tokenizer = Tokenizer.from_str(json.dumps(parts))
            for _ in range(60):
                text = "".join(generator.choices(["<R>", "<L>", " ", "  ", "\n", " <S>", "a", "b"], k=generator.randrange(1, 9)))
                try:
                    theirs = tokenizer.encode(text).ids
                except BaseException:  # a panic of Rust
                    run("encode", path, data=text.encode(), expect=2)
                    failed += 1
                    continue
                self.assertEqual(list(map(int, run("encode", path, data=text.encode()).split())), theirs, (table, text))
        self.assertGreater(failed, 0)

    def test_version_lines_among_merges(self):
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        word, merges = "#versionx", []
        for i in range(1, len(word)):
            merges.append((word[:i], word[i]))
        vocabulary = {token: i for i, token in enumerate(alphabet + [a + b for a, b in merges])}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizer(None)
        parts = json.loads(tokenizer.to_str())
        path = self.root / "version.json"
        for listed in ([list(m) for m in merges], [" ".join(m) for m in merges], ["#version: 0.2"] + [" ".join(m) for m in merges]):
            parts["model"]["merges"] = listed
            path.write_text(json.dumps(parts))
            theirs = Tokenizer.from_str(json.dumps(parts)).encode("#versionx #version").ids
            self.assertEqual(list(map(int, run("encode", path, data=b"#versionx #version").split())), theirs, listed[:1])

    def test_bytes_without_a_token_are_dropped(self):
        text = "a\x04b the\x04 cat\x04\x04 \x04 \x04in\x04 the hat"
        for unknown in (None, "!"):
            parts = json.loads(boundary_tokenizer(LLAMA3).to_str())
            lacking = chr(256 + 4)
            model = parts["model"]
            model["merges"] = [merge for merge in model["merges"] if lacking not in "".join(merge)]
            # As many tokens as before, since the added ones come behind them.
            model["vocab"] = {token.replace(lacking, "\u4e2d"): id for token, id in model["vocab"].items()}
            parts["model"]["unk_token"] = unknown
            path = self.root / "lacking.json"
            path.write_text(json.dumps(parts))
            theirs = Tokenizer.from_str(json.dumps(parts)).encode(text).ids
            self.assertEqual(list(map(int, run("encode", path, data=text.encode()).split())), theirs, unknown)

    def test_refusals(self):
        def refused(change, word):
            parts = json.loads(boundary_tokenizer(LLAMA3).to_str())
            change(parts)
            path = self.root / "refused.json"
            path.write_text(json.dumps(parts))
            message = run("encode", path, data=b"x", expect=2).decode()
            self.assertTrue(message.startswith("trireme: ") and message.count("\n") == 1 and word in message, message)

        refused(lambda p: p.update(normalizer={"type": "Nmt"}), "Nmt")
        refused(lambda p: p["model"].update(type="Unigram"), "Unigram")
        refused(lambda p: p["model"].update(dropout=0.1), "dropout")
        refused(lambda p: (p["model"]["vocab"].pop("Ġ"), p["added_tokens"].clear()), "lacks")
        refused(lambda p: p.update(pre_tokenizer={"type": "UnicodeScripts"}), "UnicodeScripts")
        refused(lambda p: p.update(decoder={"type": "CTC"}), "CTC")
        split = lambda p: p["pre_tokenizer"]["pretokenizers"][0]
        refused(lambda p: split(p).update(behavior="Sometimes"), "Sometimes")
        refused(lambda p: split(p).update(type="FixedLength"), "FixedLength")
        refused(lambda p: split(p)["pattern"].update(Regex=r"\X+"), r"\X")
        refused(lambda p: split(p)["pattern"].update(Regex=r"\p{Age=16.0}"), r"\p{Age=16.0}")
        refused(lambda p: split(p)["pattern"].update(Regex="a\ud800"), "surrogate")
        refused(lambda p: split(p)["pattern"].update(Regex=r"(a"), "malformed")
        refused(lambda p: p["added_tokens"][0].update(id=70000), "70000")
        self.assertIn("no token id", run("decode", GPT2_DIRECTORY if GPT2_DIRECTORY.is_dir() else self.gpt2()[1],
                                         data=b"1 two", expect=2).decode())
        self.assertIn("does not exist", run("encode", self.root / "none.json", data=b"", expect=2).decode())
        self.assertIn("no room", run("train", "--vocab", 257, "-o", self.root / "x.json", "--special", "a1", "--special", "b1", "-",
                                     data=b"x", expect=2).decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
