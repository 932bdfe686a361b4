"""Compares conversations under the templates of chat_templates.py with transformers' apply_chat_template: the text and
the tokens, or that both refuse."""

import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from chat_templates import FAMILIES
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AddedToken, PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

SEED = int(os.environ.get("TRIREME_SEED", random.SystemRandom().randrange(1 << 32)))
CONVERSATIONS = 50
NOW = int(datetime.datetime(2025, 3, 9, 7, 5, 2).timestamp())
TEXTS = ["Hello", "", " spaces around \n", "äöü ß ẞ", "日本語のテキスト", "emoji 👩‍👩‍👧 🇩🇪", "two\nlines\r\n", "\u3000wide\u2003",
         "<think>\nwhy\n</think>\n\nbecause", "{{ 1 + 1 }} {% raw %}", "'quotes' \"both\" \\n", "\x1b[2J\x00\x7f", "ΑΣ",
         "<tool_response>x</tool_response>", "a </think> b </think> c", "<|im_end|> </s> [INST]"]


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


def conversation(rng):
    """Mostly well-formed; also odd orders, unknown roles, contents that are no strings, missing members."""
    messages = []
    if rng.random() < 0.4:
        messages.append({"role": "system", "content": rng.choice(TEXTS)})
    for turn in range(rng.randrange(1, 6)):
        messages.append({"role": "user" if turn % 2 == 0 else "assistant", "content": rng.choice(TEXTS)})
    while rng.random() < 0.25:
        role = rng.choice(["user", "assistant", "system", "tool", "skip", "stop", "ipython", "Ünknown"])
        content = rng.choice([rng.choice(TEXTS), None, [{"type": "text", "text": rng.choice(TEXTS)}, {"type": "image"}], [], 7,
                              {"content": 1.5}])
        extra = rng.choice([{}, {}, {"reasoning_content": "so\n"}, {"reasoning": "hm"}, {"thinking": None}, {"name": "n"}, {
            "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, 2.0, None, True], "é": "ß<>&'"}}}]}])
        messages.insert(rng.randrange(len(messages) + 1), {"role": role, "content": content, **extra})
    if rng.random() < 0.05:
        del rng.choice(messages)["content"]
    return messages


def tokenizer_of(family):
    """A byte-level tokenizer with the family's special tokens, and its template in one of the places for it."""
    template, tokens = FAMILIES[family]
    vocabulary = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    plain = Tokenizer(models.BPE(vocabulary, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain.decoder = decoders.ByteLevel()
    named = {name: AddedToken(text, special=True) for name, text in tokens.items() if text}
    return PreTrainedTokenizerFast(tokenizer_object=plain, chat_template=template, **named,
                                   additional_special_tokens=["<|im_end|>", "[INST]"])


def save(tokenizer, number, directory):
    """Saves it; every third one as older versions of transformers did, every other third with several templates."""
    tokenizer.save_pretrained(directory)
    path = os.path.join(directory, "chat_template.jinja")
    if number % 3 == 0:
        return
    with open(os.path.join(directory, "tokenizer_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    template = tokenizer.chat_template
    config["chat_template"] = template if number % 3 == 1 else [{"name": "tool_use", "template": "no"},
                                                                {"name": "default", "template": template}]
    for name in ("bos_token", "eos_token"):
        if config.get(name):
            config[name] = {"__type": "AddedToken", "content": config[name], "lstrip": False, "special": True}
    os.remove(path)
    with open(os.path.join(directory, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)


def expected(tokenizer, messages, answer):
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer)
        return {"text": text, "tokens": tokenizer(text, add_special_tokens=False)["input_ids"]}
    except Exception as error:  # pylint: disable=broad-except
        return error


class ChatTemplateTest(unittest.TestCase):
    def test_conversations(self):
        chat_template_utils.datetime = FixedTime
        rng = random.Random(SEED)
        cases = []
        with tempfile.TemporaryDirectory() as space:
            for number, family in enumerate(FAMILIES):
                directory = os.path.join(space, family)
                tokenizer = tokenizer_of(family)
                save(tokenizer, number, directory)
                for _ in range(CONVERSATIONS):
                    cases.append((family, tokenizer, {"directory": directory, "messages": conversation(rng),
                                                      "answer": rng.random() < 0.5, "now": NOW}))
            lines = "".join(json.dumps(asked) + "\n" for _, _, asked in cases)
            done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
        self.assertEqual(len(answers), len(cases), done.stderr)
        same, refused = dict.fromkeys(FAMILIES, 0), dict.fromkeys(FAMILIES, 0)
        for (family, tokenizer, asked), answer in zip(cases, answers):
            wanted = expected(tokenizer, asked["messages"], asked["answer"])
            with self.subTest(family=family, seed=SEED, messages=asked["messages"]):
                if isinstance(wanted, Exception):
                    refused[family] += 1
                    self.assertIn("error", answer, repr(wanted))
                else:
                    same[family] += 1
                    self.assertEqual(answer, wanted)
        for family in FAMILIES:
            print(f"{family}: {same[family]} conversations are the same, {refused[family]} are refused by both")
            self.assertGreater(same[family], 5)


if __name__ == "__main__":
    print(f"TRIREME_SEED={SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=0)
