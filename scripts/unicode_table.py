#!/usr/bin/env python3
"""Writes io/text/unicode_properties.inc, the Unicode 16.0 properties that split patterns name.

    python3 -m venv /tmp/unicode && /tmp/unicode/bin/pip install regex==2024.11.6
    /tmp/unicode/bin/python scripts/unicode_table.py > io/text/unicode_properties.inc

That release of the regex package carries Unicode 16.0, as Hugging Face tokenizers 0.23 do; tokenizer_oracle_test
compares every code point. Only what \\p{...} of Oniguruma knows is written: general categories, scripts, blocks
(In_...) and binary properties.
"""

import regex
from regex._regex_core import PROPERTIES

EVERYTHING = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
# Binary properties that Oniguruma does not know or takes for something else, and large ones for programming languages.
LEFT_OUT = {
    "changeswhencasefolded", "changeswhencasemapped", "changeswhenlowercased", "changeswhentitlecased",
    "changeswhenuppercased", "graphemebase", "idcontinue", "idstart", "xidcontinue", "xidstart", "caseignorable",
    "graphemeextend", "cased",
    "alphanumeric", "any", "blank", "graph", "h", "horizspace", "posixalnum", "posixdigit", "posixpunct", "posixxdigit",
    "print", "v", "vertspace", "word", "xdigit", "alnum",
}


def ranges(pattern):
    found = []
    for match in regex.finditer(pattern, EVERYTHING):
        found.append((ord(EVERYTHING[match.start()]), ord(EVERYTHING[match.end() - 1])))
    return found


def by_value(values):
    names = {}
    for name, value in values.items():
        if "&" not in name:
            names.setdefault(value, []).append(name.lower())
    return [sorted(group) for group in names.values()]


def properties():
    for group in by_value(PROPERTIES["GENERALCATEGORY"][1]):
        yield group, ranges(r"\p{GENERALCATEGORY=%s}+" % group[0])
    for group in by_value(PROPERTIES["SCRIPT"][1]):
        yield group, ranges(r"\p{SCRIPT=%s}+" % group[0])
    for group in by_value(PROPERTIES["BLOCK"][1]):
        yield ["in" + name for name in group], ranges(r"\p{BLOCK=%s}+" % group[0])
    binary = {}
    for name, (number, values) in PROPERTIES.items():
        if set(values.values()) == {0, 1}:
            binary.setdefault(number, []).append(name.lower())
    for group in binary.values():
        if not LEFT_OUT & set(group):
            yield sorted(group), ranges(r"\p{%s=Yes}+" % group[0])


def main():
    table, members = [], []
    for names, found in properties():
        if found:
            table.append((" ".join(names), len(members), len(found)))
            members += found
    print("// Written by scripts/unicode_table.py; Unicode 16.0, surrogates left out.")
    print("#ifdef TRIREME_UNICODE_RANGES")
    line = ""
    for first, last in members:
        entry = "{0x%X,0x%X}," % (first, last)
        if len(line) + len(entry) > 120:
            print(line)
            line = ""
        line += entry
    print(line)
    print("#else  // names, first range, how many")
    for names, first, count in table:
        print('{"%s", %d, %d},' % (names, first, count))
    print("#endif")


main()
