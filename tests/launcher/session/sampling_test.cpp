#include "launcher/session/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace trireme::launcher {
namespace {

const std::vector<float> kLogits = {std::log(0.1F), std::log(0.4F), std::log(0.3F), std::log(0.2F)};

std::map<std::int64_t, double> frequencies(const Sampling& sampling) {
  std::map<std::int64_t, double> result;
  constexpr int kDraws = 20000;
  for (int position = 0; position < kDraws; ++position) {
    result[choose_token(kLogits, sampling, position)] += 1.0 / kDraws;
  }
  return result;
}

TEST(ChooseToken, GreedyTakesTheMostLikely) { EXPECT_EQ(choose_token(kLogits, {.temperature = 0.0}, 5), 1); }

TEST(ChooseToken, DrawsWithTheModelsProbabilities) {
  const auto seen = frequencies({.seed = 3});
  EXPECT_NEAR(seen.at(0), 0.1, 0.01);
  EXPECT_NEAR(seen.at(1), 0.4, 0.01);
  EXPECT_NEAR(seen.at(2), 0.3, 0.01);
  EXPECT_NEAR(seen.at(3), 0.2, 0.01);
}

TEST(ChooseToken, TemperatureSharpens) {
  const auto seen = frequencies({.temperature = 0.5, .seed = 3});
  EXPECT_NEAR(seen.at(1), 0.16 / 0.30, 0.01);
}

TEST(ChooseToken, TopKAndTopPCutTheTail) {
  EXPECT_EQ(frequencies({.top_k = 2}).size(), 2U);
  EXPECT_NEAR(frequencies({.top_k = 2}).at(1), 0.4 / 0.7, 0.01);
  EXPECT_EQ(frequencies({.top_p = 0.65}).size(), 2U);
  EXPECT_EQ(frequencies({.top_p = 0.75}).size(), 3U);
  EXPECT_EQ(frequencies({.top_p = 0.01}).size(), 1U);
}

TEST(ChooseToken, IsAPureFunctionOfSeedAndPosition) {
  for (int position = 0; position < 50; ++position) {
    EXPECT_EQ(choose_token(kLogits, {.seed = 9}, position), choose_token(kLogits, {.seed = 9}, position));
  }
}

}  // namespace
}  // namespace trireme::launcher
