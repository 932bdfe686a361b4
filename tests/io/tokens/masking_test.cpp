#include "io/tokens/masking.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "io/tokens/batch_plan.hpp"
#include "io/tokens/prefetcher.hpp"
#include "tests/io/tokens/dataset_fixture.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr std::int64_t kMask = 3;
constexpr std::int64_t kFirstOrdinary = 4;

/// Ids 0 to 3 are special. With `continuing` every third ordinary id begins a word, and the others continue it.
MaskedVocabulary vocabulary(std::size_t size, bool continuing = false) {
  MaskedVocabulary vocabulary{kMask, std::vector<std::uint8_t>(size), std::vector<std::uint8_t>(size)};
  for (std::size_t id = 0; id < size; ++id) {
    vocabulary.special[id] = id < kFirstOrdinary;
    vocabulary.continues_word[id] = continuing && id >= kFirstOrdinary && id % 3 != 0;
  }
  return vocabulary;
}

struct Masked {
  std::vector<std::int64_t> seen;
  std::vector<std::int64_t> targets;
};

Masked masked(const Masking& masking, std::uint64_t sample, const std::vector<std::int64_t>& tokens) {
  Masked result{tokens, std::vector<std::int64_t>(tokens.size())};
  const std::vector<std::uint8_t> all(tokens.size(), 1);
  masking.apply(sample, result.seen, all, result.targets);
  EXPECT_EQ(masking.count(sample, tokens, all),
            static_cast<std::uint64_t>(std::ranges::count_if(result.targets, [](auto t) { return t >= 0; })));
  return result;
}

/// 4, 5, … again and again over the ordinary ids.
std::vector<std::int64_t> ordinary_tokens(std::size_t length, std::int64_t size) {
  std::vector<std::int64_t> tokens(length);
  for (std::size_t t = 0; t < length; ++t) {
    tokens[t] = kFirstOrdinary + static_cast<std::int64_t>(t) % (size - kFirstOrdinary);
  }
  return tokens;
}

/// Pearson's statistic must be below its mean plus five standard deviations.
void expect_rates(const std::vector<double>& counts, const std::vector<double>& shares) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  double statistic = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * shares[i];
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  const auto freedom = static_cast<double>(counts.size() - 1);
  EXPECT_LT(statistic, freedom + 5 * std::sqrt(2 * freedom)) << testing::PrintToString(counts);
}

// The numbers come from a Python program written from docs/numerics.md.
TEST(Masking, FollowsTheDocumentedFormula) {
  const MaskingRule rule{0.3, 0.5, 0.3, false};
  const std::uint64_t sample = 5000000000;
  const auto tokens = ordinary_tokens(40, 20);
  EXPECT_EQ(training_masks_key(7), 0x3fbe88ab63f296d9U);
  const Masked training = masked(Masking(rule, vocabulary(20), training_masks_key(7)), sample, tokens);
  EXPECT_THAT(training.seen,
              ElementsAreArray({4, 3, 3,  3,  8,  9,  10, 3, 3, 13, 3,  15, 16, 17, 18, 19, 4, 5, 3,  7,
                                3, 3, 10, 11, 12, 13, 14, 3, 3, 17, 18, 19, 4,  5,  6,  7,  8, 9, 10, 11}));
  EXPECT_THAT(training.targets,
              ElementsAreArray({-1, 5, 6,  7,  -1, -1, 10, 11, 12, -1, 14, -1, -1, -1, 18, -1, -1, -1, 6,  -1,
                                8,  9, -1, -1, -1, -1, -1, 15, 16, -1, -1, -1, -1, -1, -1, -1, -1, 9,  -1, -1}));
  const Masked validation = masked(Masking(rule, vocabulary(20), validation_masks_key()), sample, tokens);
  EXPECT_THAT(validation.seen,
              ElementsAreArray({4, 5, 6,  7, 8,  9,  8,  11, 12, 13, 14, 15, 16, 17, 3, 19, 7, 5, 6,  3,
                                8, 9, 11, 3, 12, 13, 14, 15, 15, 17, 18, 3,  3,  5,  6, 7,  8, 9, 10, 11}));
}

TEST(Masking, RatesAreThoseOfTheRule) {
  constexpr std::size_t kLength = 64;
  constexpr std::int64_t kSize = 24;
  const MaskingRule rule{0.15, 0.8, 0.1, false};
  const Masking masking(rule, vocabulary(kSize), training_masks_key(1));
  const auto tokens = ordinary_tokens(kLength, kSize);
  std::vector<double> chosen(2), fates(3), by_position(kLength), drawn(kSize - kFirstOrdinary), with_neighbour(2);
  for (std::uint64_t sample = 0; sample < 10000; ++sample) {
    const Masked one = masked(masking, sample, tokens);
    for (std::size_t t = 0; t < kLength; ++t) {
      const bool target = one.targets[t] >= 0;
      ++chosen[target ? 1 : 0];
      if (!target) {
        EXPECT_EQ(one.seen[t], tokens[t]);
        continue;
      }
      EXPECT_EQ(one.targets[t], tokens[t]);
      ++by_position[t];
      if (t > 0) ++with_neighbour[one.targets[t - 1] >= 0 ? 1 : 0];
      // A random token may be the token itself, so that a twentieth of them counts as unchanged.
      ++fates[one.seen[t] == kMask ? 0 : one.seen[t] != tokens[t] ? 1 : 2];
      if (one.seen[t] != kMask && one.seen[t] != tokens[t]) {
        ++drawn[static_cast<std::size_t>(one.seen[t] - kFirstOrdinary)];
      }
    }
  }
  expect_rates(chosen, {0.85, 0.15});
  expect_rates(with_neighbour, {0.85, 0.15});
  expect_rates(by_position, std::vector<double>(kLength, 1.0 / kLength));
  expect_rates(fates, {0.8, 0.1 * 19 / 20, 0.1 + 0.1 / 20});
  // The first 4 of the 20 ids stand at 4 of the 64 positions, the others at 3; a token is not drawn in its own place.
  std::vector<double> shares;
  for (int id = 0; id < 20; ++id) shares.push_back((64.0 - (id < 4 ? 4 : 3)) / (64 * 19));
  expect_rates(drawn, shares);
}

TEST(Masking, SpecialTokensAreNeitherChosenNorDrawn) {
  const Masking masking({1.0, 0.0, 1.0, false}, vocabulary(8), training_masks_key(1));
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    const Masked one = masked(masking, sample, {0, 4, 1, 5, 2, 6, 3, 7});
    EXPECT_THAT(one.targets, ElementsAreArray({-1, 4, -1, 5, -1, 6, -1, 7}));
    for (const std::size_t t : {1U, 3U, 5U, 7U}) EXPECT_GE(one.seen[t], kFirstOrdinary);
    for (const std::size_t t : {0U, 2U, 4U, 6U}) EXPECT_EQ(one.seen[t], static_cast<std::int64_t>(t / 2));
  }
}

TEST(Masking, AWordIsChosenWholeOrNotAtAll) {
  const MaskingRule rule{0.3, 0.5, 0.2, true};
  const Masking masking(rule, vocabulary(30, true), training_masks_key(1));
  // Begins amid a word. A special token ends one, so 7 and 8 behind it are a word of their own.
  const std::vector<std::int64_t> tokens = {4, 5, 6, 7, 8, 9, 12, 13, 2, 7, 8, 9, 10};
  const std::vector<std::vector<std::size_t>> words = {{0, 1}, {2, 3, 4}, {5}, {6, 7}, {9, 10}, {11, 12}};
  std::vector<double> chosen(2);
  bool fates_differ = false;
  for (std::uint64_t sample = 0; sample < 20000; ++sample) {
    const Masked one = masked(masking, sample, tokens);
    EXPECT_EQ(one.targets[8], -1);
    for (const auto& word : words) {
      ++chosen[one.targets[word[0]] >= 0 ? 1 : 0];
      for (const std::size_t t : word) {
        ASSERT_EQ(one.targets[t] >= 0, one.targets[word[0]] >= 0);
        fates_differ = fates_differ || (one.seen[t] == kMask) != (one.seen[word[0]] == kMask);
      }
    }
  }
  expect_rates(chosen, {0.7, 0.3});
  EXPECT_TRUE(fates_differ) << "each token of a word is replaced or not by itself";
}

TEST(Masking, TheDatasLossMaskForbidsTargets) {
  const Masking masking({1.0, 1.0, 0.0, false}, vocabulary(8), training_masks_key(1));
  std::vector<std::int64_t> tokens = {4, 5, 6, 7}, targets(4);
  const std::vector<std::uint8_t> may_count = {1, 0, 0, 1};
  EXPECT_EQ(masking.count(0, tokens, may_count), 2U);
  masking.apply(0, tokens, may_count, targets);
  EXPECT_THAT(targets, ElementsAreArray({4, -1, -1, 7}));
  EXPECT_THAT(tokens, ElementsAreArray({3, 5, 6, 3}));
}

TEST(Masking, SamplesSeedsAndValidationHaveMasksOfTheirOwn) {
  const MaskingRule rule;
  const auto tokens = ordinary_tokens(256, 100);
  const auto targets = [&](std::uint64_t key, std::uint64_t sample) {
    return masked(Masking(rule, vocabulary(100), key), sample, tokens).targets;
  };
  const auto first = targets(training_masks_key(1), 0);
  EXPECT_EQ(first, targets(training_masks_key(1), 0));
  EXPECT_NE(first, targets(training_masks_key(1), 1));
  EXPECT_NE(first, targets(training_masks_key(1), std::uint64_t{1} << 32));
  EXPECT_NE(first, targets(training_masks_key(2), 0));
  EXPECT_NE(first, targets(validation_masks_key(), 0));
}

TEST(Masking, RulesThatCannotWorkAreRefused) {
  try {
    const Masking masking({0.15, 0.8, 0.3, false}, vocabulary(8), 0);
    ADD_FAILURE();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("masking.mask_token = 0.8 and masking.random_token = 0.3 make more than 1"));
  }
  EXPECT_THROW(Masking({}, vocabulary(4), 0), base::InputError);
}

class MaskedDataTest : public DatasetTest {
 protected:
  static constexpr std::int64_t kSequence = 8;

  DataSource source(const std::vector<DatasetChoice>& choices, Reading reading) {
    DataSource data(files_, "data.train", choices, kSequence, 7, reading);
    data.mask_tokens({0.3, 0.8, 0.1, true}, vocabulary(50, true));
    return data;
  }
};

TEST_F(MaskedDataTest, AnyLayoutSeesTheSameMasksAndKnowsTheCountOfTheGlobalBatch) {
  const auto data = source({{make_counting("a.h5", 1001, 50), 0}}, Reading::kShuffled);
  const auto samples = BatchPlan{24, 24, 1}.samples(48, 0, 0);
  const Batch whole = data.read(samples);
  const auto targets = static_cast<std::uint64_t>(std::ranges::count_if(whole.targets, [](auto t) { return t >= 0; }));
  EXPECT_GT(targets, 0U);
  EXPECT_EQ(data.targets(samples), targets);
  for (const std::int64_t dp : {1, 2, 3}) {
    for (const std::int64_t micro_batch : {1, 4}) {
      const BatchPlan plan{24, micro_batch, dp};
      for (std::int64_t d = 0; d < dp; ++d) {
        Prefetcher prefetcher(data, plan, d, 48);
        for (std::int64_t k = 0; k < plan.micro_batches(); ++k) {
          const PlannedBatch planned = prefetcher.next();
          EXPECT_EQ(planned.global_targets, targets);
          const auto at = static_cast<std::ptrdiff_t>((planned.batch.samples[0] - 48) * kSequence);
          EXPECT_TRUE(std::ranges::equal(
              planned.batch.tokens,
              std::span(whole.tokens).subspan(static_cast<std::size_t>(at), planned.batch.tokens.size())));
          EXPECT_TRUE(std::ranges::equal(
              planned.batch.targets,
              std::span(whole.targets).subspan(static_cast<std::size_t>(at), planned.batch.targets.size())));
        }
      }
    }
  }
}

TEST_F(MaskedDataTest, AnotherEpochMasksTheSameTextElsewhere) {
  const auto data = source({{make_counting("a.h5", 9, 50), 0}}, Reading::kShuffled);  // one sample an epoch
  const Batch batch = data.read(std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  std::set<std::vector<std::int64_t>> different;
  for (auto row = batch.targets.begin(); row != batch.targets.end(); row += kSequence) {
    different.emplace(row, row + kSequence);
  }
  EXPECT_GT(different.size(), 3U);
}

TEST_F(MaskedDataTest, ValidationMasksBelongToADatasetsOwnSamples) {
  const auto a = make_counting("a.h5", 81, 50), b = make_counting("b.h5", 161, 50);
  const auto alone = source({{b, 0}}, Reading::kInOrder).read(std::vector<std::uint64_t>{0, 1, 19});
  const auto behind = source({{a, 0}, {b, 0}}, Reading::kInOrder).read(std::vector<std::uint64_t>{10, 11, 29});
  EXPECT_EQ(alone.tokens, behind.tokens);
  EXPECT_EQ(alone.targets, behind.targets);
}

TEST_F(MaskedDataTest, RowsWithoutASampleHaveNoTargets) {
  const auto data = source({{make_counting("a.h5", 81, 50), 0}}, Reading::kInOrder);
  const std::vector<std::uint64_t> samples = {kNoSample, 3};
  const Batch batch = data.read(samples);
  EXPECT_EQ(std::count(batch.targets.begin(), batch.targets.begin() + kSequence, -1), kSequence);
  EXPECT_EQ(data.targets(samples),
            static_cast<std::uint64_t>(std::ranges::count_if(batch.targets, [](auto t) { return t >= 0; })));
}

}  // namespace
}  // namespace trireme::tokens
