#include "base/checksum.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace trireme::base {
namespace {

// The definition, one bit at a time.
std::uint32_t reference(const std::vector<unsigned char>& bytes) {
  std::uint32_t value = 0xFFFFFFFF;
  for (const unsigned char byte : bytes) {
    value ^= byte;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? (value >> 1) ^ 0x82F63B78 : value >> 1;
  }
  return ~value;
}

std::vector<unsigned char> random_bytes(std::size_t length, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<unsigned char> bytes(length);
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

TEST(Crc32c, KnowsThePublishedValues) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283u);
  EXPECT_EQ(crc32c(std::vector<char>(32, 0).data(), 32), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::vector<unsigned char>(32, 0xFF).data(), 32), 0x62A8AB43u);
  EXPECT_EQ(crc32c("", 0), 0u);
}

TEST(Crc32c, EqualsItsDefinitionAtEveryLengthAlignmentAndCut) {
  const auto bytes = random_bytes(20000, 1);
  for (const std::size_t length : {0, 1, 7, 8, 9, 63, 1023, 1024, 3071, 3072, 3073, 6144, 9999, 19990}) {
    for (const std::size_t start : {0, 1, 5, 8}) {
      const std::vector<unsigned char> part(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                                            bytes.begin() + static_cast<std::ptrdiff_t>(start + length));
      const std::uint32_t expected = reference(part);
      EXPECT_EQ(crc32c(bytes.data() + start, length), expected) << length << " at " << start;
      EXPECT_EQ(crc32c_portable(bytes.data() + start, length), expected) << length << " at " << start;
      const std::size_t cut = length / 3;
      EXPECT_EQ(crc32c(part.data() + cut, length - cut, crc32c(part.data(), cut)), expected);
      EXPECT_EQ(crc32c_portable(part.data() + cut, length - cut, crc32c_portable(part.data(), cut)), expected);
      EXPECT_EQ(crc32c_combine(crc32c(part.data(), cut), crc32c(part.data() + cut, length - cut), length - cut),
                expected);
    }
  }
}

TEST(Crc32c, ZerosAreCountedWithoutBeingRead) {
  auto bytes = random_bytes(100, 2);
  const std::uint32_t before = crc32c(bytes.data(), bytes.size());
  EXPECT_EQ(crc32c_zeros(before, 0), before);
  bytes.resize(100 + 54321, 0);
  EXPECT_EQ(crc32c_zeros(before, 54321), crc32c(bytes.data(), bytes.size()));
  // In two steps past 2^61 bytes, where the number of bits no longer fits.
  EXPECT_EQ(crc32c_zeros(crc32c_zeros(before, 1ULL << 62), 1ULL << 62), crc32c_zeros(before, 1ULL << 63));
}

TEST(Xxh3, IsThePublishedHash) {  // xxh128sum of the empty input and of "a"
  EXPECT_EQ(xxh3_hex(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(xxh3_hex("a"), "a96faf705af16834e6c632b61e964e1f");
}

}  // namespace
}  // namespace trireme::base
