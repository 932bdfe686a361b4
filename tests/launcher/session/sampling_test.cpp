#include "launcher/session/sampling.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/philox.hpp"
#include "tests/support/random.hpp"

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

/// The definition, by sorting the whole vocabulary.
std::int64_t sorted_choice(const std::vector<float>& logits, const Sampling& sampling, std::int64_t position) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  if (sampling.temperature == 0.0) return static_cast<std::int64_t>(order.front());
  if (sampling.top_k > 0 && sampling.top_k < std::ssize(order)) order.resize(static_cast<std::size_t>(sampling.top_k));
  const double most = logits[order.front()];
  std::vector<double> weights;
  for (const std::size_t token : order) {
    weights.push_back(logits[token] == most ? 1.0 : std::exp((logits[token] - most) / sampling.temperature));
  }
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sampling.top_p < 1.0) {
    double mass = 0.0;
    std::size_t kept = 0;
    while (kept < weights.size() && (kept == 0 || mass < sampling.top_p * total)) mass += weights[kept++];
    weights.resize(kept);
    total = mass;
  }
  const auto bits =
      base::philox({static_cast<std::uint32_t>(position), 0, static_cast<std::uint32_t>(sampling.index), 0},
                   base::philox_key(base::mix(sampling.seed, base::name_hash("generate"))));
  double remaining = static_cast<double>((std::uint64_t{bits[0]} << 32 | bits[1]) >> 11) * 0x1p-53 * total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    remaining -= weights[i];
    if (remaining < 0.0) return static_cast<std::int64_t>(order[i]);
  }
  return -1;
}

/// Random logits: of a wide or a narrow spread, with many equals, with infinite ones.
std::vector<float> random_logits(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  std::vector<float> logits(1 + below(below(4) == 0 ? 3000 : 40));
  std::normal_distribution<float> normal(0.0F, std::array<float, 3>{0.1F, 2.0F, 30.0F}[below(3)]);
  const float infinity = std::numeric_limits<float>::infinity();
  const std::uint64_t kind = below(5);
  for (float& logit : logits) {
    logit = normal(random);
    if (kind == 1) logit = std::round(logit);
    if (kind == 2 && below(3) == 0) logit = -infinity;
    if (kind == 3 && below(20) == 0) logit = infinity;
    if (kind == 4) logit = below(2) == 0 ? -infinity : 0.0F;
  }
  if (below(30) == 0) std::fill(logits.begin(), logits.end(), -infinity);
  return logits;
}

TEST(ChooseToken, DrawsWhatTheSortedVocabularyGives) {
  auto random = tests::seeded_random<std::mt19937_64>(41);
  for (int round = 0; round < 1000; ++round) {
    const std::vector<float> logits = random_logits(random);
    Sampling sampling;
    sampling.temperature = std::array<double, 5>{0.0, 0.02, 0.7, 1.0, 3.1}[random() % 5];
    const auto size = static_cast<std::uint64_t>(logits.size());
    sampling.top_k =
        static_cast<std::int64_t>(std::array<std::uint64_t, 5>{0, 1, 5, 1 + random() % size, 2 * size}[random() % 5]);
    sampling.top_p = std::array<double, 6>{1.0, 0.9137, 0.5003, 1e-9, 0.999999713, 0.0}[random() % 6];
    sampling.seed = random();
    sampling.index = random() % 1000;
    for (int position = 0; position < 10; ++position) {
      ASSERT_EQ(choose_token(logits, sampling, position), sorted_choice(logits, sampling, position))
          << "round " << round << ", " << logits.size() << " logits, temperature " << sampling.temperature << ", top-k "
          << sampling.top_k << ", top-p " << sampling.top_p << ", seed " << sampling.seed << ", position " << position;
    }
  }
}

TEST(ChooseToken, TokensWithoutProbabilityAreNeverDrawn) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (int position = 0; position < 200; ++position) {
    EXPECT_EQ(choose_token(std::vector<float>{-infinity, 0.0F, -infinity}, {.seed = 1}, position), 1);
    EXPECT_EQ(choose_token(std::vector<float>{5.0F, 0.0F, infinity}, {.temperature = 50, .seed = 1}, position), 2);
    EXPECT_EQ(choose_token(std::vector<float>{5.0F, -4000.0F, 4.0F}, {.temperature = 1e-3, .seed = 1}, position), 0);
  }
}

TEST(ChooseToken, RefusesLogitsThatAreNotNumbers) {
  for (const std::size_t at : {0U, 1U, 3U}) {
    std::vector<float> logits = kLogits;
    logits[at] = std::numeric_limits<float>::quiet_NaN();
    for (const double temperature : {0.0, 1.0}) {
      try {
        choose_token(logits, {.temperature = temperature}, 12);
        FAIL() << "NaN at " << at << " was taken";
      } catch (const base::InputError& error) {
        EXPECT_NE(std::string(error.what()).find("logits at position 12 are not numbers (NaN)"), std::string::npos)
            << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace trireme::launcher
