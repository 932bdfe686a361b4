#include "base/stream_copy.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/philox.hpp"

namespace trireme::base {
namespace {

constexpr std::size_t kRoom = 8192;  // around the copy, for canaries and for places within a page

std::vector<unsigned char> noise(std::size_t bytes) {
  std::vector<unsigned char> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<unsigned char>(mix(i, 7));
  return data;
}

TEST(StreamCopy, CopiesAnyLengthFromAndToAnyPlaceAndNothingElse) {
  const std::size_t around = 256 << 10;  // where streaming begins
  const std::vector<std::size_t> lengths = {0,
                                            1,
                                            63,
                                            4096,
                                            around - 1,
                                            around,
                                            around + 1,
                                            around + 63,
                                            around + 4095,
                                            around + 16384,
                                            3 * around,
                                            (1 << 20) + 17};
  const std::vector<unsigned char> source = noise((1 << 20) + 2 * kRoom);
  for (const std::size_t length : lengths) {
    for (const std::size_t from : {0, 1, 31, 64, 4095}) {
      for (const std::size_t to : {0, 1, 16, 32, 4095, 4096}) {
        std::vector<unsigned char> target(length + 2 * kRoom, 0xA5), expected = target;
        std::memcpy(expected.data() + to + 64, source.data() + from, length);
        stream_copy(target.data() + to + 64, source.data() + from, length);
        ASSERT_EQ(target, expected) << length << " bytes from " << from << " to " << to;
      }
    }
  }
}

}  // namespace
}  // namespace trireme::base
