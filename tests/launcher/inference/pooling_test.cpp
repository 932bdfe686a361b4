#include "launcher/inference/pooling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;

const std::vector<float> kThreeTokens = {1, 10, 2, 20, 6, 30};

TEST(Pooled, TakesTheMeanOrARow) {
  EXPECT_THAT(pooled(kThreeTokens, 2, Pooling::kMean), ElementsAre(3, 20));
  EXPECT_THAT(pooled(kThreeTokens, 2, Pooling::kFirst), ElementsAre(1, 10));
  EXPECT_THAT(pooled(kThreeTokens, 2, Pooling::kLast), ElementsAre(6, 30));
}

TEST(Pooled, AddsInDoublePrecision) {
  const std::vector<float> values = {1e8F, 1, 1, 1, -1e8F};
  EXPECT_THAT(pooled(values, 1, Pooling::kMean), ElementsAre(0.6F));
}

TEST(Normalize, MakesLengthOneAndLeavesZeros) {
  std::vector<float> vector = {3, 4};
  normalize(vector);
  EXPECT_THAT(vector, ElementsAre(0.6F, 0.8F));
  std::vector<float> zeros = {0, 0};
  normalize(zeros);
  EXPECT_THAT(zeros, ElementsAre(0, 0));
}

TEST(VectorText, ReadsBackToTheSameFloats) {
  const std::vector<float> vector = {0.1F, -1e-38F, 3, std::nextafter(1.0F, 2.0F)};
  EXPECT_EQ(base::Json::parse(vector_text(vector)).get<std::vector<float>>(), vector);
  EXPECT_EQ(vector_text(std::vector<float>{std::numeric_limits<float>::infinity(), 1}), "[\"inf\",1]");
  EXPECT_EQ(vector_text({}), "[]");
}

TEST(ParsePooling, RefusesOtherWords) {
  EXPECT_EQ(parse_pooling("none"), Pooling::kNone);
  EXPECT_THROW(parse_pooling("max"), base::InputError);
}

}  // namespace
}  // namespace trireme::launcher
