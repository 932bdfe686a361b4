#include "launcher/repeat/loss_check.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

Losses losses(std::int64_t count) {
  Losses found;
  for (std::int64_t step = 1; step <= count; ++step) found[step] = 1.0 / static_cast<double>(step);
  return found;
}

TEST(LossCheck, EqualLossesAreCounted) {
  const LossCheck check = compare_losses(losses(20), losses(20), {}, 20, 1e-3);
  EXPECT_EQ(check.text, "20 of 20 losses bit-equal");
  EXPECT_TRUE(check.same());
}

TEST(LossCheck, OneBitIsADifference) {
  Losses here = losses(20);
  here[7] = std::nextafter(*here[7], 1.0);
  const LossCheck check = compare_losses(losses(20), here, {}, 20, 1e-3);
  EXPECT_FALSE(check.same());
  EXPECT_TRUE(
      check.text.starts_with("19 of 20 losses bit-equal; they differ first at step 7: 0.14285714285714285 there"))
      << check.text;
}

TEST(LossCheck, StepsAfterAChangeOfLayoutAgreeToRounding) {
  Losses here = losses(20);
  here[15] = *here[15] * (1 + 1e-9);
  const LossCheck check = compare_losses(losses(20), here, {.bits = 10, .rounding = 18}, 20, 1e-3);
  EXPECT_TRUE(check.same());
  EXPECT_EQ(check.text,
            "10 of 10 losses bit-equal; after step 10, where the run changed, 8 agree to rounding, within 1e-09 of the "
            "loss; 2 steps of the 20 asked for cannot be compared, since the run has none like it");
}

TEST(LossCheck, MoreThanRoundingIsADifference) {
  Losses here = losses(20);
  here[15] = *here[15] * (1 + 1e-2);
  const LossCheck check = compare_losses(losses(20), here, {.bits = 10}, 20, rounding_bound("fp32"));
  EXPECT_FALSE(check.same());
  EXPECT_NE(check.text.find("10 differ by up to 0.0099 of the loss, more than rounding explains (0.001)"),
            std::string::npos)
      << check.text;
  EXPECT_TRUE(compare_losses(losses(20), here, {.bits = 10}, 20, rounding_bound("bf16")).same());
  here[15] = *losses(20)[15] * (1 + 1e-6);
  EXPECT_FALSE(compare_losses(losses(20), here, {.bits = 10}, 20, rounding_bound("fp64")).same());
}

TEST(LossCheck, ARunThatEndedEarlyIsADifference) {
  const LossCheck check = compare_losses(losses(20), losses(12), {}, 20, 1e-3);
  EXPECT_FALSE(check.same());
  EXPECT_EQ(check.text, "12 of 12 losses bit-equal; 8 steps are missing here: the repeated run ended before");
}

TEST(LossCheck, ALossThatIsNotFiniteEqualsOnlyOneThatIsNotEither) {
  Losses there = losses(3), here = losses(3);
  there[2] = here[2] = std::nullopt;
  EXPECT_TRUE(compare_losses(there, here, {}, 3, 1e-3).same());
  here[2] = 0.5;
  EXPECT_FALSE(compare_losses(there, here, {}, 3, 1e-3).same());
}

TEST(LossCheck, NothingToCompareIsNoSuccess) { EXPECT_FALSE(compare_losses({}, losses(3), {}, 3, 1e-3).same()); }

TEST(LossCheck, LossesAreReadFromAFileWithOtherLines) {
  const tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  std::ofstream(directory.path() / "metrics.jsonl")
      << "{\"step\":1,\"loss\":0.5}\n{\"step\":1,\"time\":2.0,\"valid_loss\":9}\nrubbish\n{\"step\":2,\"loss\":null}\n"
         "{\"step\":3,\"loss\":0.25}\n{\"step\":4,\"loss\":\"x\",\"sample\":\"y\"}\n{\"step\":5,\"loss\":0.1";
  const Losses found = losses_of(files, directory.path(), 1, 4);
  const Losses expected = {{2, std::nullopt}, {3, 0.25}, {4, std::nullopt}};
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace trireme::launcher
