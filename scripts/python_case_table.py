#!/usr/bin/env python3
"""Writes io/jinja/python_case.inc, what Python's str knows about characters: case mappings, what is cased, what repr()
prints. Everything is asked from str itself.

    python3.11 scripts/python_case_table.py > io/jinja/python_case.inc
"""

import sys
import unicodedata

POINTS = [p for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]


def sets(points):
    """Runs of one step, which is 1 or 2."""
    runs = []
    for point in points:
        if runs:
            first, last, step = runs[-1]
            gap = point - last
            if gap == step or (first == last and gap in (1, 2)):
                runs[-1] = (first, point, gap)
                continue
        runs.append((point, point, 1))
    return runs


def mappings(convert):
    """Runs of one step and one shift, and the mappings to several characters."""
    runs, several = [], []
    for point in POINTS:
        mapped = convert(chr(point))
        if mapped == chr(point):
            continue
        if len(mapped) > 1:
            several.append((point, *(ord(c) for c in mapped), *(0,) * (3 - len(mapped))))
            continue
        shift = ord(mapped) - point
        if runs:
            first, last, step, other = runs[-1]
            gap = point - last
            if other == shift and (gap == step or (first == last and gap in (1, 2))):
                runs[-1] = (first, point, gap, shift)
                continue
        runs.append((point, point, 1, shift))
    return runs, several


def ends_final(text):
    return (text + "Σ").lower().endswith("ς")


def table(name, rows):
    print(f"#ifdef {name}")
    line = ""
    for row in rows:
        item = "{" + ",".join(hex(v) if v > 9 else str(v) for v in row) + "},"
        if len(line) + len(item) > 118:
            print(line)
            line = ""
        line += item
    print(line)
    print("#endif")


def main():
    print(f"// Written by scripts/python_case_table.py; Unicode {unicodedata.unidata_version}.")
    for name, convert in (("UPPER", str.upper), ("LOWER", str.lower), ("TITLE", str.title)):
        runs, several = mappings(convert)
        table(f"TRIREME_{name}_RUNS", runs)
        table(f"TRIREME_{name}_SEVERAL", several)
    upper, lower = ({p for p in POINTS if ask(chr(p))} for ask in (str.isupper, str.islower))
    table("TRIREME_UPPERCASE", sets(sorted(upper)))
    table("TRIREME_LOWERCASE", sets(sorted(lower)))
    # A small letter stays small behind a letter that has a case.
    table("TRIREME_TITLECASE", sets(p for p in POINTS if (chr(p) + "a").title()[-1] == "a" and p not in upper | lower))
    table("TRIREME_CASE_IGNORABLE", sets(p for p in POINTS if ends_final("A" + chr(p)) and not ends_final(chr(p))))
    table("TRIREME_PRINTABLE", sets(p for p in POINTS if chr(p).isprintable()))


if __name__ == "__main__":
    sys.exit(main())
