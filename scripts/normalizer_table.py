#!/usr/bin/env python3
"""Writes io/text/normalize/normalizer_sets.inc: what Hugging Face tokenizers 0.23 take each code point for.

    .deps/venv/bin/python scripts/normalizer_table.py > io/text/normalize/normalizer_sets.inc

Its parts follow different versions of Unicode (normal forms and accents about version 9, lower case and digits 17), so
every code point is asked for. tokenizer_families_test.py compares all of them again.
"""

from tokenizers import normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(points):
    found = []
    for c in sorted(points):
        if found and c == found[-1][1] + 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def bert(**flags):
    flags = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **flags}
    return normalizers.BertNormalizer(**flags)


def removed_by(normalizer):
    return [c for c in POINTS if normalizer.normalize_str(chr(c)) == ""]


def parted_by(pre_tokenizer, pieces):
    return [c for c in POINTS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "a")) == pieces]


def changed_by(normalizer):
    return [c for c in POINTS if normalizer.normalize_str(chr(c)) != chr(c)]


def marks():
    """Code points that normal forms reorder: before U+0334 (class 1) or after U+0345 (class 240)."""
    nfd = normalizers.NFD()
    return [c for c in POINTS if nfd.normalize_str("a" + chr(c) + "\u0334") == "a\u0334" + nfd.normalize_str(chr(c)) and c != 0x334
            or nfd.normalize_str("a\u0345" + chr(c)) == "a" + nfd.normalize_str(chr(c)) + "\u0345" and c != 0x345] + [0x334, 0x345]


def seconds():
    """Code points that a composition may join to the one before them."""
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    found = set()
    for c in changed_by(nfd):
        parts = nfd.normalize_str(chr(c))
        if len(parts) > 1 and nfc.normalize_str(parts) == chr(c):
            found.add(ord(parts[-1]))
    return found


def lower_case():
    """(first, last, step, distance): every step-th code point from first to last has its lower case at that distance."""
    lowercase = normalizers.Lowercase()
    runs = []
    for c in changed_by(lowercase):
        small = lowercase.normalize_str(chr(c))
        if c == 0x130:
            assert small == "i\u0307"
            continue
        assert len(small) == 1, hex(c)
        distance = ord(small) - c
        last = runs[-1] if runs else None
        if last and last[3] == distance and (last[0] == last[1] and c - last[1] <= 2 or c - last[1] == last[2]):
            last[2] = c - last[1]
            last[1] = c
        else:
            runs.append([c, c, 1, distance])
    return runs


def print_entries(entries):
    line = ""
    for entry in entries:
        if len(line) + len(entry) > 120:
            print(line)
            line = ""
        line += entry
    if line:
        print(line)


def main():
    sets = {
        "Control": removed_by(bert(clean_text=True)),
        "NonspacingMark": removed_by(bert(strip_accents=True)),
        "CombiningMark": removed_by(normalizers.StripAccents()),
        "Punctuation": parted_by(pre_tokenizers.BertPreTokenizer(), 3),
        "Numeric": parted_by(pre_tokenizers.Digits(individual_digits=True), 3),
        "Reordered": marks(),
        "Second": seconds(),
        "ChangedByNfd": changed_by(normalizers.NFD()),
        "ChangedByNfc": changed_by(normalizers.NFC()),
        "ChangedByNfkd": changed_by(normalizers.NFKD()),
        "ChangedByNfkc": changed_by(normalizers.NFKC()),
    }
    print("// Written by scripts/normalizer_table.py from Hugging Face tokenizers; surrogates left out.")
    for name, points in sets.items():
        print(f"constexpr std::uint32_t k{name}[][2] = {{")
        print_entries("{0x%X,0x%X}," % tuple(r) for r in ranges(points))
        print("};")
    print("constexpr std::int32_t kLowerCase[][4] = {")
    print_entries("{0x%X,0x%X,%d,%d}," % tuple(r) for r in lower_case())
    print("};")


main()
