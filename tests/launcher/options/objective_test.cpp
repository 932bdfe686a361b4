#include "launcher/options/objective.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::options {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

RunOptions resolved(const Overrides& changes) {
  RunOptions options = parse_run_options(
      "[model]\nlayers = 2\nhidden = 64\nheads = 4\nsequence = 32\n[data]\ntrain = a.h5\n[train]\nsteps = 1\n"
      "global_batch = 4\n",
      "small");
  for (const auto& [path, value] : changes) set_value(options, find_key(path), value);
  return resolve(options, {.dataset_vocab = 100}).options;
}

std::string refusal(const Overrides& changes) {
  try {
    check_trainable(resolved(changes));
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Objective, AModelWhoseTokensSeeAllOthersPredictsMaskedOnes) {
  const RunOptions bert = resolved({{"model.arch", "bert"}, {"masking.fraction", "0.2"}});
  EXPECT_TRUE(predicts_masked(bert));
  const tokens::MaskingRule rule = masking_rule(bert);
  EXPECT_EQ(rule.fraction, 0.2);
  EXPECT_EQ(rule.mask_token, 0.8);
  EXPECT_EQ(rule.random_token, 0.1);
  EXPECT_FALSE(rule.whole_words);
  EXPECT_TRUE(predicts_masked(resolved({{"model.mask", "full"}}))) << "of any family";
  EXPECT_EQ(to_map(bert).count("masking.whole_words"), 1U);
}

TEST(Objective, ACausalModelPredictsTheNextTokenAndHasNoMaskingKeys) {
  const RunOptions llama = resolved({});
  EXPECT_FALSE(predicts_masked(llama));
  EXPECT_THAT(to_ini(llama), testing::Not(HasSubstr("[masking]")));
  for (const char* key : {"masking.fraction", "masking.mask_token", "masking.random_token"}) {
    EXPECT_THAT(refusal({{key, "0.1"}}),
                HasSubstr(base::str(key, " is about masked language modelling, and model.mask")));
  }
  EXPECT_THAT(refusal({{"masking.whole_words", "false"}}), HasSubstr("masking.whole_words"));
}

TEST(Objective, SharesAreChecked) {
  const Overrides bert = {{"model.arch", "bert"}, {"masking.mask_token", "0.7"}};
  EXPECT_EQ(refusal(bert), "accepted");
  Overrides more = bert;
  more.emplace_back("masking.random_token", "0.31");
  EXPECT_THAT(refusal(more), HasSubstr("make more than 1"));
  EXPECT_THAT(refusal({{"model.arch", "bert"}, {"masking.fraction", "0"}}), HasSubstr("masking.fraction = 0"));
}

TEST(Objective, WithoutAnOutputHeadThereIsNothingToTrainBy) {
  EXPECT_THAT(refusal({{"model.lm_head", "false"}}), HasSubstr("set model.lm_head = true"));
  EXPECT_THAT(refusal({{"model.arch", "bert"}, {"model.lm_head", "false"}, {"masking.fraction", "0.1"}}),
              HasSubstr("set model.lm_head = true"));
}

TEST(Objective, NamesTheEndsThatTheRunFileAddsOrTakesAway) {
  const ModelSection whole = resolved({{"model.arch", "bert"}}).model;
  const ModelSection bare =
      resolved({{"model.arch", "bert"}, {"model.lm_head", "false"}, {"model.pooler", "true"}}).model;
  const auto names = UnorderedElementsAre("head.transform.weight", "head.transform.bias", "head.transform_norm.weight",
                                          "head.transform_norm.bias", "head.bias", "pooler.weight", "pooler.bias");
  EXPECT_THAT(changed_ends(bare, whole), names);
  EXPECT_THAT(changed_ends(whole, bare), names);
  ModelSection earlier = whole;  // stored before these keys were there
  earlier.lm_head.reset();
  earlier.pooler.reset();
  EXPECT_THAT(changed_ends(earlier, whole), testing::IsEmpty());
  ModelSection other = whole;
  other.head_bias = false;
  EXPECT_THAT(changed_ends(whole, other), testing::IsEmpty()) << "a part of the head is no whole end";
}

}  // namespace
}  // namespace trireme::options
