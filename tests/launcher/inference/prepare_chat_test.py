"""`trireme prepare --chat` against transformers and tokenizers: ids and roles of conversations under the templates of
chat_templates.py, how they are packed, divided, cut and counted, and what is refused."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from chat_templates import FAMILIES
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AddedToken, PreTrainedTokenizerFast

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
import token_dataset_writer  # noqa: E402

TRIREME = os.environ["TRIREME_BIN"]
SEED = int(os.environ.get("TRIREME_SEED", random.SystemRandom().randrange(1 << 32)))
CONVERSATIONS = 40
T = 96
DATED = {"llama3", "parts"}  # show the minute: what runs in two of them differs
WORDS = "the sea is wide and ships are long what who 42 café naïve 日本 👩‍🚀 don't x+=1; \t\n ok\n\n <b> [INST] yes no".split(" ")


def text(rng):
    body = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 12)))
    return rng.choice(["", "", "", " ", "\n", "\n\n"]) + body + rng.choice(["", "", "\n", " "])


def conversation(rng, system):
    messages = [{"role": "system", "content": text(rng)}] if system and rng.random() < 0.4 else []
    for turn in range(2 * rng.randrange(1, 4) - (rng.random() < 0.1)):
        messages.append({"role": "assistant" if turn % 2 else "user", "content": "a " + text(rng)})
    if not any(message["role"] == "assistant" for message in messages):
        messages.append({"role": "assistant", "content": text(rng).strip() or "ok"})
    return messages


def tokenizer_of(family):
    """A trained byte-level tokenizer with merges over spaces and newlines, and the family's special tokens."""
    template, tokens = FAMILIES[family]
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    rng = random.Random(4)
    plain.train_from_iterator([text(rng) + "\n\n" + text(rng) for _ in range(300)] + ["assistant\n\n user system"] * 50,
                              trainers.BpeTrainer(vocab_size=500, show_progress=False, special_tokens=["<|endoftext|>"],
                                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    named = {name: AddedToken(spelled, special=True) for name, spelled in tokens.items() if spelled}
    return PreTrainedTokenizerFast(tokenizer_object=plain, chat_template=template, **named,
                                   additional_special_tokens=["<|im_start|>", "<|im_end|>"])


def encoded(tokenizer, messages):
    """(ids, roles) by offsets into the whole text, or None where the template renders no beginnings of it."""
    def render(some, answer):
        return tokenizer.apply_chat_template(some, tokenize=False, add_generation_prompt=answer)
    whole = render(messages, False)
    out = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    roles = [0] * len(out["input_ids"])
    for i in answers:
        before, through = render(messages[:i], True), render(messages[:i + 1], False)
        if not (through.startswith(before) and whole.startswith(through)):
            return None
        for t, (_, end) in enumerate(out["offset_mapping"]):
            if len(before) < end <= len(through):
                roles[t] = 2 if i == answers[-1] else 1
    return list(zip(out["input_ids"], roles))


def packed(documents, sequence):
    """Best fit decreasing, by looking at every sample."""
    samples = []
    for number in sorted(range(len(documents)), key=lambda n: -len(documents[n])):
        length = len(documents[number])
        room = [sequence - sum(len(documents[m]) for m in sample) for sample in samples]
        fitting = [i for i, free in enumerate(room) if free >= length]
        if fitting:
            samples[min(fitting, key=lambda i: room[i])].append(number)
        else:
            samples.append([number])
    return samples


class PrepareChatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.models = Path(cls.keep.name)
        cls.tokenizers = {}
        for family in FAMILIES:
            cls.tokenizers[family] = tokenizer_of(family)
            cls.tokenizers[family].save_pretrained(cls.models / family)

    @classmethod
    def tearDownClass(cls):
        cls.keep.cleanup()

    def setUp(self):
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.dir = Path(keep.name)

    def run_prepare(self, lines, *options, family="chatml", sequence=T):
        path = self.dir / "chat.jsonl"
        path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines), "utf-8")
        return subprocess.run([TRIREME, "prepare", "--chat", "--sequence", str(sequence), "--force", "--tokenizer",
                               str(self.models / family), "--output", str(self.dir / "d.h5"), *map(str, options), str(path)],
                              capture_output=True, text=True, timeout=120)

    def prepare(self, lines, *options, **keywords):
        done = self.run_prepare(lines, "--json", *options, **keywords)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def samples(self, name="d.h5"):
        """The samples as lists of documents, and these as lists of (id, role)."""
        with h5py.File(self.dir / name) as file:
            self.assertEqual(file.attrs["format_version"], 2)
            tokens, roles, starts = file["tokens"][:], file["roles"][:], file["document_offsets"][:].astype(int)
            ends = np.append(starts[1:], len(tokens))
            documents = [[(int(t), int(r)) for t, r in zip(tokens[a:b], roles[a:b])] for a, b in zip(starts, ends)]
            first = file["sample_offsets"][:].astype(int)
            return [documents[a:b] for a, b in zip(first, np.append(first[1:], len(documents)))]

    def test_ids_and_roles_are_those_of_transformers_in_every_sample(self):
        for family in FAMILIES:
            if family in DATED:
                continue
            rng = random.Random(SEED)
            conversations, wanted, rewritten = [], [], []
            for _ in range(CONVERSATIONS):
                messages = conversation(rng, family not in ("gemma",))
                try:
                    document = encoded(self.tokenizers[family], messages)
                except Exception:  # the template refuses it  # pylint: disable=broad-except
                    continue
                if document is None:
                    rewritten.append(messages)
                elif any(role for _, role in document[1:T]):
                    conversations.append({"messages": messages})
                    wanted.append(document[:T])
            with self.subTest(family=family, seed=SEED):
                for messages in rewritten[:3]:
                    done = self.run_prepare([{"messages": messages}], family=family, sequence=4096)
                    self.assertEqual(done.returncode, 2)
                    self.assertIn("does not render the messages", done.stderr)
                print(f"{family}: {len(wanted)} conversations, {len(rewritten)} are rewritten")
                if family == "mistral":  # writes the number of turns at the end
                    self.assertEqual(len(wanted), 0)
                    continue
                self.assertGreater(len(wanted), 5)
                self.prepare(conversations, "--no-packing", "--threads", 3, family=family)
                self.assertEqual([sample[0] for sample in self.samples()], wanted)

    def test_packing_is_best_fit_decreasing_whatever_the_threads(self):
        rng = random.Random(SEED)
        lines = [{"messages": conversation(rng, True)} for _ in range(150)]
        self.prepare(lines, "--no-packing", "--threads", 1)
        documents = [sample[0] for sample in self.samples()]
        fingerprints = {self.prepare(lines, "--threads", threads)["train"]["fingerprint"] for threads in (1, 2, 5)}
        self.assertEqual(len(fingerprints), 1)
        found = self.samples()
        self.assertEqual(sorted(map(repr, (d for s in found for d in s))), sorted(map(repr, documents)))
        self.assertLess(len(found), len(documents))
        lengths = sorted(sum(map(len, sample)) for sample in found)
        self.assertLessEqual(lengths[-1], T)
        self.assertEqual(lengths, sorted(sum(len(documents[n]) for n in sample) for sample in packed(documents, T)))
        print(f"{len(documents)} documents in {len(found)} samples, {sum(lengths) / len(found) / T:.3f} full")

    def test_a_writer_made_from_the_documentation_writes_the_same(self):
        rng = random.Random(SEED)
        summary = self.prepare([{"messages": conversation(rng, True)} for _ in range(20)])["train"]
        tokenizer = (self.models / "chatml" / "tokenizer.json").read_bytes()
        token_dataset_writer.write_packed_dataset(self.dir / "ours.h5", self.samples(), summary["vocabulary"], T, tokenizer)
        done = subprocess.run([TRIREME, "prepare", "--json", "--verify", str(self.dir / "ours.h5")], capture_output=True,
                              text=True, check=True)
        ours = json.loads(done.stdout)
        for key in ("samples", "sequence", "documents", "tokens", "tokenizer_hash"):
            self.assertEqual(ours[key], summary[key])

    def test_prompt_and_response_are_two_messages(self):
        tokenizer = self.tokenizers["chatml"]
        self.prepare([{"prompt": "Who?", "response": "Me."}], sequence=64)
        wanted = encoded(tokenizer, [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}])
        self.assertEqual(self.samples(), [[wanted]])

    def test_long_conversations_are_cut_and_counted(self):
        short, long = {"prompt": "a", "response": "b"}, {"prompt": "a", "response": "yes " * 100}
        lost = {"prompt": "yes " * 100, "response": "b"}
        summary = self.prepare([short, long, lost], "--no-packing", sequence=40)
        self.assertEqual((summary["cut_documents"], summary["left_out_documents"], summary["train"]["samples"]), (2, 1, 2))
        whole = encoded(self.tokenizers["chatml"], [{"role": "user", "content": "a"}, {"role": "assistant",
                                                                                     "content": "yes " * 100}])
        self.assertEqual(self.samples()[1][0], whole[:40])
        said = self.run_prepare([short, long, lost], sequence=40).stdout
        self.assertIn("2 conversations were longer than 40 tokens and cut", said)
        self.assertIn("1 conversations left out: no response within the first 40 tokens", said)

    def test_conversations_that_lost_their_last_response_are_counted(self):
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
        lines = [{"messages": turns + turns}, {"messages": turns + [{"role": "user", "content": "yes " * 100}, turns[1]]}]
        summary = self.prepare(lines, sequence=64)
        self.assertEqual((summary["cut_documents"], summary["documents_without_last_response"]), (1, 1))
        self.assertIn("1 of these lost their last response: sft.loss = last has nothing to learn",
                      self.run_prepare(lines, sequence=64).stdout)
        self.assertNotIn("lost their last response", self.run_prepare(lines[:1], sequence=64).stdout)

    def test_thousands_of_turns_take_no_longer_than_the_first_ones(self):
        """Rendering what is before each turn would take minutes for each of these lines."""
        turns = [{"role": role, "content": f"{role} {number} ok yes"} for number in range(10000) for role in ("user", "assistant")]
        self.prepare([{"messages": turns}] * 3, "--no-packing")
        wanted = [(token, min(role, 1)) for token, role in encoded(self.tokenizers["chatml"], turns[:40])[:T]]
        self.assertEqual([sample[0] for sample in self.samples()], [wanted] * 3)

    def test_halves_of_surrogate_pairs_are_replaced_and_counted_or_refused(self):
        def escaped(text):
            return json.dumps(text).replace("HALF", "\\ud800").replace("PAIR", "\\ud83d\\ude00") + "\n"
        clean = {"prompt": "a PAIR \ufdd0", "response": "b PAIR"}
        messages = [{"role": "user", "content": "a HALF \ufdd0"}, {"role": "assistant", "content": "bHALF HALF PAIR"}]
        lines = [escaped(clean), escaped({"prompt": "aHALF", "response": "b"}), escaped({"messages": messages})]
        self.assertEqual(self.prepare(lines, "--no-packing")["invalid_utf8_replaced"], 4)
        whole = [{"role": "user", "content": "a \ufffd \ufdd0"}, {"role": "assistant", "content": "b\ufffd \ufffd 😀"}]
        self.assertEqual(self.samples()[2], [encoded(self.tokenizers["chatml"], whole)])
        self.prepare(lines[:1], "--invalid-utf8", "refuse")
        for line in lines[1:]:
            done = self.run_prepare([lines[0], line], "--invalid-utf8", "refuse")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("chat.jsonl:2: it holds half of a surrogate pair", done.stderr)

    def test_an_end_of_text_is_not_needed(self):
        path = self.models / "no-end"
        shutil.copytree(self.models / "chatml", path)
        for file in path.iterdir():
            renamed = file.read_text("utf-8").replace("<|endoftext|>", "<|other|>").replace("<|im_end|>", "<|over|>")
            file.write_text(renamed, "utf-8")
        lines = [{"prompt": "a", "response": "b"}]
        self.assertEqual(self.prepare(lines, family="no-end")["train"]["documents"], 1)
        named = self.prepare(lines, "--end-of-text", "<|other|>", family="no-end")["train"]["end_of_text"]
        self.assertEqual(self.tokenizers["chatml"].convert_ids_to_tokens(named), "<|endoftext|>")
        self.assertIn("has no token <|none|>", self.run_prepare(lines, "--end-of-text", "<|none|>", family="no-end").stderr)

    def test_validation_takes_whole_documents(self):
        rng = random.Random(SEED)
        lines = [{"messages": conversation(rng, True)} for _ in range(60)]
        self.prepare(lines, "--no-packing")
        documents = sorted(repr(sample[0]) for sample in self.samples())
        self.prepare(lines, "--valid-fraction", 0.3)
        halves = [sorted(repr(d) for s in self.samples(name) for d in s) for name in ("d.h5", "d.valid.h5")]
        self.assertEqual(sorted(halves[0] + halves[1]), documents)
        self.assertGreater(len(halves[1]), 3)
        self.assertLess(len(halves[1]), 40)

    def test_what_is_wrong_is_one_sentence_with_file_and_line(self):
        def user(content="q"):
            return {"role": "user", "content": content}

        def assistant(content="r"):
            return {"role": "assistant", "content": content}
        good = {"prompt": "a", "response": "b"}
        for bad, sentence in (
                ('{"prompt": "a", \n', "it is not valid JSON"),
                ("[1]\n", "it is not a JSON object"),
                ({"text": "a"}, 'it has neither "messages" nor "prompt" and "response" (it has: text)'),
                ({"prompt": "a", "messages": []}, 'it has "messages" beside "prompt"'),
                ({"prompt": "a", "response": 3}, 'its "response" is not a text'),
                ({"prompt": "a", "response": " \n"}, "message 2 is an empty response"),
                ({"messages": []}, "the messages are not a list of at least one message"),
                ({"messages": [user()]}, "no message is an assistant's"),
                ({"messages": [{"content": "x"}, assistant()]}, 'message 1 has no "role"'),
                ({"messages": [user(), {"role": "bot", "content": "x"}]}, 'message 2 has the role "bot"'),
                ({"messages": [user(), {"role": "assistant"}]}, 'message 2 has no "content"'),
                ({"messages": [user(), user(), assistant()]}, "message 2 has the role user after the role user, where assistant"),
                ({"messages": [assistant()]}, "message 1 has the role assistant at the beginning, where system or user"),
                ({"messages": [user(), assistant(""), user(), assistant()]}, "message 2 is an empty response")):
            done = self.run_prepare([good, "\n", bad])
            with self.subTest(sentence=sentence):
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("chat.jsonl:3: " + sentence, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
                self.assertFalse(list(self.dir.glob("d*.h5*")))

    def test_a_template_that_rewrites_earlier_turns_is_refused_by_name(self):
        turns = [{"role": role, "content": "x"} for role in ("user", "assistant") * 2]
        self.assertIsNone(encoded(self.tokenizers["qwen3"], turns))
        done = self.run_prepare([{"messages": turns}], family="qwen3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("chat.jsonl:1: the chat template of " + str(self.models / "qwen3") + " does not render", done.stderr)

    def test_options_that_do_not_go_together_are_refused(self):
        good = [{"prompt": "a", "response": "b"}]
        for options in (["--field", "x"], ["--prompt-field", "x"], ["--special-tokens"], ["--format", "text"]):
            done = self.run_prepare(good, *options)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--chat reads JSONL of conversations", done.stderr)
        path = str(self.dir / "chat.jsonl")
        for options, sentence in ((["--chat"], "--chat needs --sequence"), (["--sequence", "8"], "add --chat"),
                                  (["--no-packing"], "add --chat")):
            done = subprocess.run([TRIREME, "prepare", *options, "--tokenizer", str(self.models / "chatml"), "--output",
                                   str(self.dir / "e.h5"), path], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(sentence, done.stderr)


if __name__ == "__main__":
    print(f"TRIREME_SEED={SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=0)
