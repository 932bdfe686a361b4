"""Compares io/jinja with Jinja2, set up as transformers' apply_chat_template does it: many small templates, and the case
of every character."""

import datetime
import json
import subprocess
import sys
import unicodedata
import unittest

from snippets import ERRORS, SNIPPETS, VARIABLES
from transformers.utils import chat_template_utils

NOW = int(datetime.datetime(2025, 3, 9, 7, 5, 2).timestamp())
UNICODE = "14.0.0"  # of io/jinja/python_case.inc


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


def expected(template, variables):
    try:
        return chat_template_utils._compile_jinja_template(template).render(**variables)
    except Exception as error:  # pylint: disable=broad-except
        return error


def rendered(cases):
    """What template_lines makes of (template, variables)."""
    lines = "".join(json.dumps({"template": t, "variables": v, "now": NOW}) + "\n" for t, v in cases)
    done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(cases), done.stderr
    return answers


class JinjaTest(unittest.TestCase):
    def setUp(self):
        chat_template_utils.datetime = FixedTime

    def test_small_templates_render_the_same(self):
        for template, answer in zip(SNIPPETS, rendered([(t, VARIABLES) for t in SNIPPETS])):
            with self.subTest(template):
                self.assertEqual(answer.get("text", answer), expected(template, VARIABLES))

    def test_what_jinja2_refuses_is_refused(self):
        for template, answer in zip(ERRORS, rendered([(t, VARIABLES) for t in ERRORS])):
            with self.subTest(template):
                self.assertIsInstance(expected(template, VARIABLES), Exception)
                self.assertRegex(answer.get("error", answer), r"^chat_template.jinja, line \d+: .")

    @unittest.skipIf(unicodedata.unidata_version != UNICODE, f"this Python has another Unicode than {UNICODE}")
    def test_every_character(self):
        # Behind them only planes without letters.
        points = [p for p in (*range(0x20000), *range(0xE0000, 0xE1000), *range(0x10F000, 0x110000)) if not 0xD800 <= p <= 0xDFFF]
        template = ("{{ text|upper }}{{ text|lower }}{{ text.title() }}{{ text|capitalize }}{{ [text] }}{{ text.islower() }}"
                    "{{ text.isupper() }}{{ text.split()|length }}{{ text.splitlines()|length }}{{ text|trim|length }}"
                    "{{ text|tojson }}{{ text|tojson(true) }}")
        pieces = ["".join(chr(p) + end for p in points[i:i + 4096]) for i in range(0, len(points), 4096) for end in ("", "a", "Σ")]
        # Alone, in front of and behind a sigma: what is cased, and what is passed over.
        for text, answer in zip(pieces, rendered([(template, {"text": t}) for t in pieces])):
            with self.subTest(first=text[0]):
                self.assertEqual(answer.get("text", answer), expected(template, {"text": text}))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=0)
