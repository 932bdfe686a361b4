#include "io/tokens/skipped_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.hpp"
#include "tests/support/random.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SkippedSamples, RangesThatTouchOrOverlapBecomeOne) {
  SkippedSamples skipped;
  skipped.add({10, 12});
  skipped.add({20, 20});
  skipped.add({13, 14});
  EXPECT_THAT(skipped.ranges(), ElementsAre(SampleRange{10, 14}, SampleRange{20, 20}));
  skipped.add({0, 3});
  skipped.add({11, 19});
  EXPECT_THAT(skipped.ranges(), ElementsAre(SampleRange{0, 3}, SampleRange{10, 20}));
}

TEST(SkippedSamples, TakesWhatIsLeft) {
  SkippedSamples skipped;
  skipped.add({24, 27});
  EXPECT_THAT(skipped.take(22, 4), ElementsAre(22, 23, 28, 29));
  EXPECT_THAT(skipped.take(25, 2), ElementsAre(28, 29));
  EXPECT_THAT(skipped.take(28, 2), ElementsAre(28, 29));
  EXPECT_THAT(SkippedSamples().take(5, 2), ElementsAre(5, 6));
}

TEST(SkippedSamples, AgreesWithASetOfNumbers) {
  auto random = tests::seeded_random(17);
  for (int round = 0; round < 200; ++round) {
    SkippedSamples skipped;
    std::set<std::uint64_t> numbers;
    for (int i = 0; i < 12; ++i) {
      const std::uint64_t first = random() % 60;
      const std::uint64_t last = first + random() % 6;
      skipped.add({first, last});
      for (std::uint64_t n = first; n <= last; ++n) numbers.insert(n);
    }
    std::vector<std::uint64_t> expected;
    const std::uint64_t consumed = random() % 70;
    for (std::uint64_t n = consumed; expected.size() < 40; ++n) {
      if (!numbers.contains(n)) expected.push_back(n);
    }
    ASSERT_EQ(skipped.take(consumed, 40), expected);
    ASSERT_EQ(skipped_samples_from_json(to_json(skipped)), skipped);
  }
}

TEST(SkippedSamples, AreWrittenAsPositionsAndRanges) {
  EXPECT_THAT(parse_skipped_samples(" 2048, 960-1023 ,5", "k").ranges(),
              ElementsAre(SampleRange{5, 5}, SampleRange{960, 1023}, SampleRange{2048, 2048}));
  EXPECT_TRUE(parse_skipped_samples(" ", "k").empty());
  EXPECT_EQ(to_string(SampleRange{5, 5}), "5");
  EXPECT_EQ(to_string(SampleRange{5, 6}), "5-6");
  for (const char* text : {"x", "5-", "-5", "7-3", "5,,6", "5,", "99999999999999999999", "1.5"}) {
    try {
      (void)parse_skipped_samples(text, "data.skip");
      ADD_FAILURE() << text;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("data.skip = "));
    }
  }
}

}  // namespace
}  // namespace trireme::tokens
