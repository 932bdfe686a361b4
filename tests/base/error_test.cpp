#include "base/error.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace trireme::base {
namespace {

TEST(ExitCode, TellsBadInputFromFailure) {
  EXPECT_EQ(exit_code(InputError("x")), 2);
  EXPECT_EQ(exit_code(Error("x")), 1);
  EXPECT_EQ(exit_code(std::runtime_error("x")), 1);
}

TEST(Nearest, NamesTheClosestWordOrNone) {
  const std::vector<std::string> words = {"micro_batch", "global_batch", "steps"};
  EXPECT_EQ(nearest("microbatch", words), "micro_batch");
  EXPECT_EQ(nearest("step", words), "steps");
  EXPECT_EQ(nearest("precision", words), "");
}

}  // namespace
}  // namespace trireme::base
