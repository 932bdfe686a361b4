"""Which sample a training sees when, and the masks of masked language modelling: from docs/numerics.md alone."""
import math

import numpy as np

_WORD = (1 << 32) - 1
_LONG = (1 << 64) - 1
_ROUNDS = 16


def philox(counter, key):
    """Ten rounds of Philox4x32: four words of four words, keyed by 64 bits."""
    c, k = list(counter), [key & _WORD, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & _WORD, (a >> 32) ^ c[3] ^ k[1], a & _WORD]
        k = [(k[0] + 0x9E3779B9) & _WORD, (k[1] + 0xBB67AE85) & _WORD]
    return c


def fnv(name):
    """FNV-1a of a name, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & _LONG
    return value


def mix(a, b):
    """Two 64-bit numbers into one."""
    x = (a + 0x9E3779B97F4A7C15 * (b + 1)) & _LONG
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _LONG
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _LONG
    return x ^ (x >> 31)


def index_of(sample, count, seed):
    """Which of the `count` samples of the only dataset is number `sample` in the training's order."""
    epoch, value = divmod(sample, count)
    key = mix(mix(fnv("sample order"), mix(seed, 0)), epoch)
    a = math.isqrt(count - 1) + 1 if count > 1 else 1
    b = -(-count // a)

    def drawn(half, turn):
        words = philox((half & _WORD, half >> 32, turn, 0), key)
        return words[1] << 32 | words[0]

    while True:
        high, low = divmod(value, b)
        for turn in range(0, _ROUNDS, 2):
            high = (high + drawn(low, turn) % a) % a
            low = (low + drawn(high, turn + 1) % b) % b
        value = high * b + low
        if value < count:
            return value


def training_key(seed):
    return mix(seed, fnv("masks of training"))


VALIDATION_KEY = fnv("masks of validation")


class Vocabulary:
    """special: ids that are neither chosen nor drawn: what docs/numerics.md calls special. continues: ids that go on with the word before them."""

    def __init__(self, size, mask, special, continues=()):
        self.mask, self.special, self.continues = mask, set(special) | {mask}, set(continues)
        self.ordinary = [i for i in range(size) if i not in self.special]


def masked(tokens, number, key, vocabulary, fraction=0.15, mask_token=0.8, random_token=0.1, whole_words=False,
           counts=None):
    """One sample: what the model sees, and the targets, -1 where there is none."""
    words = [philox((t, 0, number & _WORD, number >> 32), key) for t in range(len(tokens))]
    seen, targets, first = list(tokens), [-1] * len(tokens), 0
    for t, token in enumerate(tokens):
        special = token in vocabulary.special
        goes_on = token in vocabulary.continues and t > 0 and not special and tokens[t - 1] not in vocabulary.special
        if not (whole_words and goes_on):
            first = t
        if special or words[first][0] / 2 ** 32 >= fraction or (counts is not None and not counts[t]):
            continue
        targets[t] = token
        fate = words[t][1] / 2 ** 32
        if fate < mask_token:
            seen[t] = vocabulary.mask
        elif fate < mask_token + random_token:
            seen[t] = vocabulary.ordinary[words[t][2] * len(vocabulary.ordinary) >> 32]
    return seen, targets


def masked_batch(samples, numbers, key, vocabulary, counts=None, **rule):
    """Samples (B, T) and their numbers: what the model sees and the targets, (B, T) each."""
    rows = [masked([int(t) for t in row], number, key, vocabulary, counts=None if counts is None else counts[i], **rule)
            for i, (row, number) in enumerate(zip(samples, numbers))]
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
