"""Changes what another process holds in its memory, as a bad memory chip would."""


def poke(pid, old, new):
    """Writes `new` wherever the process holds `old`; how often that was."""
    found = 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for line in maps.read().splitlines():
            span, permissions = line.split()[:2]
            begin, end = (int(word, 16) for word in span.split("-"))
            if not permissions.startswith("rw") or end - begin > 1 << 30:
                continue
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except (OSError, ValueError):
                continue
            at = content.find(old)
            while at >= 0:
                memory.seek(begin + at)
                memory.write(new)
                found += 1
                at = content.find(old, at + 1)
    return found


def flipped(array):
    """A copy in which one bit of the fourth element's exponent or upper mantissa is another."""
    changed = array.copy()
    changed.view(f"u{changed.itemsize}")[3] ^= 1 << (8 * changed.itemsize - 12)
    return changed
