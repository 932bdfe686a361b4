#include "base/checksum.hpp"

#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Polynomials over GF(2) are held reflected: bit 31 is the coefficient of x^0.

namespace trireme::base {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;

/// a * b mod P.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

/// x^exponent mod P.
constexpr std::uint32_t power_of_x(std::uint64_t exponent) {
  std::uint32_t result = kOne;
  for (std::uint32_t square = kOne >> 1; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/// The CRC register after `count` more zero bytes.
std::uint32_t shift(std::uint32_t value, std::uint64_t count) {
  // x^(8 * count), without overflow of 8 * count.
  std::uint32_t factor = power_of_x(count);
  for (int i = 0; i < 3; ++i) factor = multiply(factor, factor);
  return multiply(factor, value);
}

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = value;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t value = tables[t - 1][byte];
      tables[t][byte] = (value >> 8) ^ tables[0][value & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)

// Three independent streams keep the crc32 instruction (latency 3, one per cycle) busy. Their registers are joined
// by carry-less multiplication: for 32-bit reflected a and k, crc32(0, clmul(a, k)) = a * k * x^33 mod P.
constexpr std::size_t kStream = 1024;
constexpr std::uint32_t kShiftOne = power_of_x(8 * kStream - 33);
constexpr std::uint32_t kShiftTwo = power_of_x(16 * kStream - 33);

__attribute__((target("sse4.2,pclmul"))) std::uint64_t carryless(std::uint64_t a, std::uint32_t k) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(a)), _mm_cvtsi32_si128(static_cast<int>(k)), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

std::uint64_t load64(const unsigned char* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t crc32c_x86(const unsigned char* bytes, std::size_t length,
                                                                  std::uint32_t before) {
  std::uint64_t value = ~before;
  for (; length >= 3 * kStream; length -= 3 * kStream, bytes += 3 * kStream) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kStream; i += 8) {
      value = _mm_crc32_u64(value, load64(bytes + i));
      second = _mm_crc32_u64(second, load64(bytes + kStream + i));
      third = _mm_crc32_u64(third, load64(bytes + 2 * kStream + i));
    }
    value = _mm_crc32_u64(0, carryless(value, kShiftTwo) ^ carryless(second, kShiftOne)) ^ third;
  }
  for (; length >= 8; length -= 8, bytes += 8) value = _mm_crc32_u64(value, load64(bytes));
  auto narrow = static_cast<std::uint32_t>(value);
  for (; length > 0; --length, ++bytes) narrow = _mm_crc32_u8(narrow, *bytes);
  return ~narrow;
}

bool cpu_has_crc() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

#endif

}  // namespace

std::uint32_t crc32c(const void* data, std::size_t length, std::uint32_t before) {
#if defined(__x86_64__)
  if (cpu_has_crc()) return crc32c_x86(static_cast<const unsigned char*>(data), length, before);
#endif
  return crc32c_portable(data, length, before);
}

std::uint32_t crc32c_portable(const void* data, std::size_t length, std::uint32_t before) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint32_t value = ~before;
  for (; length >= 8; length -= 8, bytes += 8) {
    const std::uint32_t low = value ^ (std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 |
                                       std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[3]} << 24);
    value = kTables[7][low & 0xFF] ^ kTables[6][low >> 8 & 0xFF] ^ kTables[5][low >> 16 & 0xFF] ^
            kTables[4][low >> 24] ^ kTables[3][bytes[4]] ^ kTables[2][bytes[5]] ^ kTables[1][bytes[6]] ^
            kTables[0][bytes[7]];
  }
  for (; length > 0; --length, ++bytes) value = (value >> 8) ^ kTables[0][(value ^ *bytes) & 0xFF];
  return ~value;
}

std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b) {
  return shift(a, length_b) ^ b;
}

std::uint32_t crc32c_zeros(std::uint32_t a, std::uint64_t count) { return ~shift(~a, count); }

std::string xxh3_hex(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {hash.high64, hash.low64}) {
    for (int bit = 60; bit >= 0; bit -= 4) text += kDigits[half >> bit & 15];
  }
  return text;
}

std::uint64_t xxh3_64(const void* data, std::size_t length) { return XXH3_64bits(data, length); }

}  // namespace trireme::base
