#include "io/tokens/data_source.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "io/tokens/batch_plan.hpp"
#include "io/tokens/prefetcher.hpp"
#include "tests/io/tokens/dataset_fixture.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DataSourceTest : public DatasetTest {
 protected:
  DataSource source(const std::vector<DatasetChoice>& choices, std::int64_t sequence,
                    Reading reading = Reading::kShuffled) {
    return DataSource(files_, "data.train", choices, sequence, 7, reading);
  }
  static std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t count) {
    std::vector<std::uint64_t> result(count);
    std::iota(result.begin(), result.end(), first);
    return result;
  }
};

TEST_F(DataSourceTest, TargetsAreTheNextTokens) {
  const auto name = make_counting("a.h5", 14);
  const auto batch = source({{name, 0}}, 4, Reading::kInOrder).read(numbers(0, 3));
  EXPECT_THAT(batch.tokens, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  EXPECT_THAT(batch.targets, ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));
  EXPECT_THAT(batch.samples, ElementsAre(0, 1, 2));
}

TEST_F(DataSourceTest, EveryEpochShowsEverySampleOnceInAnotherOrder) {
  const auto name = make_counting("a.h5", 401);
  const auto data = source({{name, 0}}, 4);
  std::vector<std::vector<std::int64_t>> orders;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    const auto batch = data.read(numbers(epoch * 100, 100));
    std::vector<std::int64_t> firsts;
    for (std::size_t row = 0; row < 100; ++row) firsts.push_back(batch.tokens[row * 4]);
    EXPECT_EQ(std::set<std::int64_t>(firsts.begin(), firsts.end()).size(), 100U);
    orders.push_back(firsts);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST_F(DataSourceTest, TheGlobalBatchIsTheSameForAnyReplicaCount) {
  const auto name = make_counting("a.h5", 4001);
  const auto data = source({{name, 0}}, 4);
  const auto whole = data.read(numbers(24, 24));
  for (const std::int64_t dp : {2, 3, 4}) {
    const BatchPlan plan{24, 2, dp};
    for (std::int64_t d = 0; d < dp; ++d) {
      for (std::int64_t k = 0; k < plan.micro_batches(); ++k) {
        const auto batch = data.read(plan.samples(24, d, k));
        const auto row = static_cast<std::ptrdiff_t>(batch.samples[0] - 24);
        EXPECT_TRUE(std::equal(batch.tokens.begin(), batch.tokens.end(), whole.tokens.begin() + row * 4));
      }
    }
  }
}

TEST_F(DataSourceTest, BlendsByWeightAndEachDatasetGoesThroughItsEpochs) {
  DatasetWriter writer(files_, path("b.h5"), record(60000, "{}"), false);
  writer.begin_document();
  writer.append(std::vector<std::uint32_t>(17, 50000));
  writer.finish(path("b.h5"));
  const auto a = make_counting("a.h5", 401);
  const auto data = source({{a, 3}, {path("b.h5"), 1}}, 4);
  const auto batch = data.read(numbers(0, 400));
  std::multiset<std::int64_t> firsts;
  for (std::size_t row = 0; row < 400; ++row) firsts.insert(batch.tokens[row * 4]);
  EXPECT_EQ(firsts.count(50000), 100U);
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(firsts.count(1 + 4 * i), 3U);
  EXPECT_EQ(data.samples(), 104U);
}

TEST_F(DataSourceTest, WithoutWeightsAllDatasetsEndTheirEpochsTogether) {
  // 250,000 samples and 3: as rounded shares of 100,000, the three would come round twice before the others did once.
  const auto a = make_counting("a.h5", 250'001, 300'000);
  DatasetWriter writer(files_, path("b.h5"), record(300'000, "{}"), false);
  writer.begin_document();
  writer.append(std::vector<std::uint32_t>{299'990, 299'991, 299'992, 299'993});
  writer.finish(path("b.h5"));
  const auto data = source({{a, 0}, {path("b.h5"), 0}}, 1);
  ASSERT_EQ(data.samples(), 250'003U);
  std::vector<std::vector<std::int64_t>> orders;
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    orders.push_back(data.read(numbers(epoch * data.samples(), data.samples())).tokens);
    auto sorted = orders.back();
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());  // every sample once
    EXPECT_EQ(sorted[249'999], 250'000);
    EXPECT_EQ(sorted[250'000], 299'990);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_TRUE(data.cursor(5).blend.empty());
}

TEST_F(DataSourceTest, ACheckpointOfBeforeGoesOnInItsOrder) {
  const auto a = make_counting("a.h5", 401);
  const auto b = make_counting("b.h5", 201);
  const std::vector<DatasetChoice> without = {{a, 0}, {b, 0}};
  const auto former = source({{a, 2}, {b, 1}}, 4);  // 100 and 50 samples, which were taken for weights
  auto data = source(without, 4);
  const auto fresh = data.read(numbers(0, 300)).tokens;
  EXPECT_NE(fresh, former.read(numbers(0, 300)).tokens);
  data.resume(former.cursor(12));
  EXPECT_EQ(data.read(numbers(0, 300)).tokens, former.read(numbers(0, 300)).tokens);
  EXPECT_EQ(data.cursor(12), former.cursor(12));  // so does the next checkpoint
  data.resume(former.cursor(16));

  auto again = source(without, 4);
  again.resume(again.cursor(8));
  EXPECT_EQ(again.read(numbers(0, 300)).tokens, fresh);
  auto other = source(without, 4);
  const auto weighted = source({{a, 1}, {b, 1}}, 4).cursor(8);
  EXPECT_THAT(refusal([&] { other.resume(weighted); }), HasSubstr("the weights are none"));
  auto single = source({{a, 0}}, 4);
  EXPECT_THAT(single.cursor(0).blend, ElementsAre(1));
}

TEST_F(DataSourceTest, MasksAndPaddingGiveNoTargets) {
  DatasetWriter writer(files_, path("m.h5"), record(), true);
  add(writer, {1, 2, 3}, false);  // tokens 0..2 masked, token 3 (end of text) counts
  add(writer, {4, 5, 6, 7});
  writer.finish(path("m.h5"));
  const auto data = source({{path("m.h5"), 0}}, 4, Reading::kInOrder);
  const std::vector<std::uint64_t> rows = {0, kNoSample, 1};
  const auto batch = data.read(rows);
  EXPECT_THAT(batch.targets, ElementsAre(-1, -1, 0, 4, -1, -1, -1, -1, 5, 6, 7, 0));
  EXPECT_EQ(data.targets(rows), 6U);
  EXPECT_TRUE(data.has_loss_mask());
  const auto plain = source({{make_counting("a.h5", 100), 0}}, 4);
  EXPECT_EQ(plain.targets(std::vector<std::uint64_t>{5, kNoSample, 7}), 8U);
}

TEST_F(DataSourceTest, RefusesOtherTokenizersShortDatasetsAndValidationWeights) {
  const auto a = make_counting("a.h5", 100);
  const auto b = make_counting("b.h5", 100, 60000, "{\"other\":1}");
  EXPECT_THAT(refusal([&] { source({{a, 0}, {b, 0}}, 4); }), HasSubstr("b.h5 was made with another tokenizer"));
  EXPECT_THAT(refusal([&] { source({{a, 0}}, 100); }), HasSubstr("100 tokens"));
  EXPECT_THAT(refusal([&] { source({{a, 1}}, 4, Reading::kInOrder); }), HasSubstr("leave the weight out"));
}

TEST_F(DataSourceTest, TheCursorNamesTheData) {
  const auto a = make_counting("a.h5", 100);
  const auto data = source({{a, 0}}, 4);
  const auto cursor = data.cursor(48);
  EXPECT_THAT(cursor.fingerprints, ElementsAre(data.datasets()[0].fingerprint()));
  EXPECT_EQ(cursor.sequence, 4);
  EXPECT_EQ(cursor.seed, 7U);
  EXPECT_EQ(cursor.consumed_samples, 48U);
}

TEST_F(DataSourceTest, PrefetchingGivesTheSameBatchesInOrder) {
  const auto data = source({{make_counting("a.h5", 4001), 0}}, 4);
  const BatchPlan plan{8, 2, 2};
  Prefetcher prefetcher(data, plan, 1, 16, {}, 3);
  for (std::uint64_t consumed = 16; consumed < 16 + 8 * 20; consumed += 8) {
    for (std::int64_t k = 0; k < 2; ++k) {
      const auto planned = prefetcher.next();
      EXPECT_EQ(planned.samples, (SampleRange{consumed, consumed + 7}));
      EXPECT_EQ(planned.micro_batch, k);
      EXPECT_EQ(planned.global_targets, 32U);
      EXPECT_EQ(planned.batch.tokens, data.read(plan.samples(consumed, 1, k)).tokens);
    }
  }
}

TEST_F(DataSourceTest, PrefetchingLeavesSkippedSamplesOut) {
  const auto data = source({{make_counting("a.h5", 4001), 0}}, 4);
  SkippedSamples skipped;
  skipped.add({18, 19});
  skipped.add({30, 41});
  Prefetcher prefetcher(data, {8, 2, 2}, 1, 16, skipped);
  EXPECT_EQ(prefetcher.next().batch.samples, (std::vector<std::uint64_t>{20, 21}));
  EXPECT_EQ(prefetcher.next().batch.samples, (std::vector<std::uint64_t>{24, 25}));
  const auto planned = prefetcher.next();
  EXPECT_EQ(planned.batch.samples, (std::vector<std::uint64_t>{28, 29}));
  EXPECT_EQ(planned.samples, (SampleRange{26, 45}));
  EXPECT_EQ(prefetcher.next().batch.samples, (std::vector<std::uint64_t>{44, 45}));
}

TEST_F(DataSourceTest, PrefetchingErrorsSurfaceInNext) {
  const auto name = make_counting("a.h5", 4001);
  const auto data = source({{name, 0}}, 4);
  files_.open(name, base::OpenMode::kReadWrite)->truncate(kHeaderBytes);
  Prefetcher prefetcher(data, {2, 1, 1}, 0, 0);
  EXPECT_THROW(prefetcher.next(), base::Error);
  EXPECT_THROW(prefetcher.next(), base::Error);
}

}  // namespace
}  // namespace trireme::tokens
