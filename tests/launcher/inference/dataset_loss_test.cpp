#include "launcher/inference/dataset_loss.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

const DatasetLoss kShort = {"a.h5", 4 * std::numbers::ln2, 2, 1, 8, 3};
const DatasetLoss kLong = {"b.h5", 12 * std::numbers::ln2, 6, 3, 8, 2};

TEST(DatasetLoss, DividesBySomethingEach) {
  EXPECT_DOUBLE_EQ(kShort.loss(), 2 * std::numbers::ln2);
  EXPECT_DOUBLE_EQ(kShort.perplexity(), 4);
  EXPECT_DOUBLE_EQ(*kShort.bits_per_byte(), 0.5);
  EXPECT_DOUBLE_EQ(DatasetLoss{}.loss(), 0);
  EXPECT_FALSE(DatasetLoss{}.bits_per_byte());
}

TEST(DatasetLoss, SumsWeighByTargetsAndBytes) {
  const DatasetLoss all = sum_of({kShort, kLong});
  EXPECT_DOUBLE_EQ(all.loss(), 2 * std::numbers::ln2);
  EXPECT_DOUBLE_EQ(*all.bits_per_byte(), 1);
  EXPECT_EQ(all.samples, 4U);
  DatasetLoss masked = kLong;
  masked.bytes.reset();
  EXPECT_FALSE(sum_of({kShort, masked}).bits_per_byte());
}

TEST(LossesJson, HasTheWholeAndTheParts) {
  const base::Json json = losses_json({kShort, kLong});
  EXPECT_DOUBLE_EQ(json.at("bits_per_byte").get<double>(), 1);
  EXPECT_EQ(json.at("tokens"), 8);
  EXPECT_EQ(json.at("left_out"), 5);
  EXPECT_EQ(json.at("datasets").at(1).at("left_out"), 2);
  EXPECT_EQ(json.at("datasets").at(1).at("name"), "b.h5");
  EXPECT_DOUBLE_EQ(json.at("datasets").at(1).at("bits_per_byte").get<double>(), 1.5);
  DatasetLoss masked = kLong;
  masked.bytes.reset();
  EXPECT_TRUE(losses_json({masked}).at("bits_per_byte").is_null());
}

TEST(LossesText, IsATableForSeveral) {
  EXPECT_THAT(losses_text({kShort}), HasSubstr("perplexity  4.0000\nbits/byte   0.5000\ntokens      2 in 1 samples\n"));
  const std::string table = losses_text({kShort, kLong});
  EXPECT_THAT(table, HasSubstr("b.h5"));
  EXPECT_THAT(table, HasSubstr("\nall "));
}

}  // namespace
}  // namespace trireme::launcher
