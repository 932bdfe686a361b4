#include "io/hdf5/image.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/random.hpp"

namespace trireme::hdf5 {
namespace {

TEST(Image, BehavesLikeAnArrayUnderRandomWrites) {
  std::mt19937 random = trireme::tests::seeded_random(1);
  for (int trial = 0; trial < 50; ++trial) {
    Image image;
    std::vector<unsigned char> expected(200, 0);
    std::vector<bool> written(200, false);
    for (int i = 0; i < 25; ++i) {
      const std::size_t offset = random() % 180;
      std::vector<unsigned char> data(random() % 20);
      for (auto& byte : data) byte = static_cast<unsigned char>(random());
      image.write(offset, data.data(), data.size());
      for (std::size_t k = 0; k < data.size(); ++k) {
        expected[offset + k] = data[k];
        written[offset + k] = true;
      }
    }
    std::vector<unsigned char> read(200, 0xFF);
    image.read(0, read.data(), read.size());
    EXPECT_EQ(read, expected);
    std::vector<bool> covered(200, false);
    std::uint64_t last_end = 0;
    bool first = true;
    for (const auto& [offset, bytes] : image.extents()) {
      EXPECT_TRUE(first || offset > last_end) << "extents overlap or touch";
      first = false;
      last_end = offset + bytes.size();
      for (std::uint64_t k = offset; k < last_end; ++k) covered[k] = true;
    }
    EXPECT_EQ(covered, written);
  }
}

TEST(Image, CutsExtentsAtTheNewLength) {
  Image image;
  image.write(10, "abcdef", 6);
  image.write(100, "xyz", 3);
  image.set_length(12);
  EXPECT_EQ(image.length(), 12u);
  ASSERT_EQ(image.extents().size(), 1u);
  EXPECT_EQ(image.extents().at(10).size(), 2u);
}

}  // namespace
}  // namespace trireme::hdf5
