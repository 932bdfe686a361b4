#include "models/spec/cost.hpp"

#include <gtest/gtest.h>

namespace trireme::spec {
namespace {

TEST(Cost, AParameterAndItsTwoMomentsAreStoredInFp32UnlessTheModelTrainsInFp64) {
  EXPECT_EQ(state_bytes_per_parameter(false), 3 * 4);
  EXPECT_EQ(state_bytes_per_parameter(true), 3 * 8);
}

}  // namespace
}  // namespace trireme::spec
