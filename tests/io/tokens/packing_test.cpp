#include "io/tokens/packing.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/random.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;
using Samples = std::vector<std::vector<std::uint64_t>>;

std::uint64_t tokens_in(const std::vector<std::uint64_t>& sample, const std::vector<std::uint32_t>& lengths) {
  std::uint64_t sum = 0;
  for (const std::uint64_t document : sample) sum += lengths[document];
  return sum;
}

// Best fit decreasing as it is described, by looking at every sample.
Samples by_looking(const std::vector<std::uint32_t>& lengths, std::uint64_t sequence) {
  std::vector<std::uint64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint64_t a, std::uint64_t b) { return lengths[a] > lengths[b]; });
  Samples samples;
  std::vector<std::uint64_t> full;
  for (const std::uint64_t document : order) {
    std::size_t best = samples.size();
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (full[i] + lengths[document] <= sequence && (best == samples.size() || full[i] > full[best])) best = i;
    }
    if (best == samples.size()) {
      samples.emplace_back();
      full.push_back(0);
    }
    samples[best].push_back(document);
    full[best] += lengths[document];
  }
  return samples;
}

TEST(Packing, FollowsTheExampleOfTheHeader) {
  EXPECT_THAT(pack_documents(std::vector<std::uint32_t>{3, 6, 4, 5}, 8),
              ElementsAre(ElementsAre(0, 3), ElementsAre(1), ElementsAre(2)));
  EXPECT_TRUE(pack_documents({}, 8).empty());
}

TEST(Packing, TakesEveryDocumentOnceInOrderAndNoSampleIsTooLong) {
  auto random = trireme::tests::seeded_random<std::mt19937_64>(11);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t sequence = 2 + random() % 60;
    std::vector<std::uint32_t> lengths(random() % 120);
    for (auto& length : lengths) length = static_cast<std::uint32_t>(1 + random() % sequence);
    const Samples samples = pack_documents(lengths, sequence);
    std::vector<std::uint64_t> all;
    for (const auto& sample : samples) {
      EXPECT_TRUE(std::ranges::is_sorted(sample));
      EXPECT_LE(tokens_in(sample, lengths), sequence);
      all.insert(all.end(), sample.begin(), sample.end());
    }
    EXPECT_TRUE(std::ranges::is_sorted(samples, {}, [](const auto& sample) { return sample.front(); }));
    std::ranges::sort(all);
    std::vector<std::uint64_t> wanted(lengths.size());
    std::iota(wanted.begin(), wanted.end(), std::uint64_t{0});
    EXPECT_EQ(all, wanted);
  }
}

TEST(Packing, FillsSamplesAsBestFitDecreasingDoes) {
  auto random = trireme::tests::seeded_random<std::mt19937_64>(12);
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t sequence = 2 + random() % 40;
    std::vector<std::uint32_t> lengths(1 + random() % 100);
    for (auto& length : lengths) length = static_cast<std::uint32_t>(1 + random() % sequence);
    const auto fill = [&](const Samples& samples) {
      std::vector<std::uint64_t> full;
      for (const auto& sample : samples) full.push_back(tokens_in(sample, lengths));
      std::ranges::sort(full);
      return full;
    };
    EXPECT_EQ(fill(pack_documents(lengths, sequence)), fill(by_looking(lengths, sequence)));
  }
}

}  // namespace
}  // namespace trireme::tokens
