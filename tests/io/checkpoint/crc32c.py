"""CRC32C in numpy: many stretches of the data at once, joined at the end."""
import functools

import numpy as np

POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits reversed


def _table():
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = (values >> 1) ^ np.where(values & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return values


TABLE = _table()
STRETCHES = 2048
SHORT = 16384  # bytes below which going one by one is faster
SHORT_TABLE = TABLE.tolist()


def _step(register, byte):
    return TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)


def _apply(images, registers):
    """The linear map that takes bit b to images[b]."""
    result = np.zeros_like(registers)
    for bit in range(32):
        result ^= np.where((registers >> bit) & 1, images[bit], np.uint32(0))
    return result


@functools.lru_cache(maxsize=None)
def _zeros(count):
    """The map of a register past that many zero bytes, as the images of its 32 bits."""
    if count == 0:
        return np.uint32(1) << np.arange(32, dtype=np.uint32)
    half = _zeros(count // 2)
    images = _apply(half, half)
    return _step(images, np.uint32(0)) if count % 2 else images


def _byte_by_byte(data):
    register = 0xFFFFFFFF
    for byte in data.tolist():
        register = SHORT_TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def _in_stretches(data):
    """data: four bytes or more."""
    # A register that starts at ones is one that starts at zeros, with the first four bytes inverted; for a register at
    # zero, zero bytes in front change nothing.
    length = -(-len(data) // STRETCHES)
    stretches = np.zeros(STRETCHES * length, np.uint8)
    stretches[len(stretches) - len(data):] = data
    stretches[len(stretches) - len(data):][:4] ^= 0xFF
    columns = np.ascontiguousarray(stretches.reshape(STRETCHES, length).T)
    registers = np.zeros(STRETCHES, np.uint32)
    for column in columns:
        registers = _step(registers, column)
    while len(registers) > 1:
        registers = _apply(_zeros(length), registers[0::2]) ^ registers[1::2]
        length *= 2
    return int(registers[0]) ^ 0xFFFFFFFF


def crc32c(data):
    data = np.frombuffer(data, np.uint8)
    return _byte_by_byte(data) if len(data) < SHORT else _in_stretches(data)


assert crc32c(b"") == 0 and crc32c(b"123456789") == 0xE3069283 and crc32c(b"123") == 0x107B2FB2
assert _in_stretches(np.frombuffer(b"123456789", np.uint8)) == 0xE3069283
