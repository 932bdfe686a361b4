#include "launcher/inference/length_batches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LengthBatches, HoldOneLengthEach) {
  EXPECT_THAT(length_batches({3, 5, 3, 3}, 2), ElementsAre(ElementsAre(1), ElementsAre(0, 2), ElementsAre(3)));
  EXPECT_THAT(length_batches({3, 5, 3, 3}, 100), ElementsAre(ElementsAre(1), ElementsAre(0, 2, 3)));
  EXPECT_THAT(length_batches({2, 2}, 1), ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(length_batches({}, 4), IsEmpty());
}

}  // namespace
}  // namespace trireme::launcher
