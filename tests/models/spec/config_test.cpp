#include "models/spec/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/error.hpp"
#include "models/spec/preset.hpp"

namespace trireme::spec {
namespace {

using ::testing::HasSubstr;

std::string refusal(ModelConfig config, const std::function<void(ModelConfig&)>& change) {
  change(config);
  try {
    check(config);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Check, AcceptsEveryPreset) {
  for (const std::string& name : preset_names()) EXPECT_NO_THROW(check(*preset(name))) << name;
}

TEST(Check, NamesTheKeysOfSizesThatMakeNoModel) {
  const ModelConfig llama = *preset("llama-8b");
  const ModelConfig gpt2 = *preset("gpt2-124m");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.layers = 0; }), HasSubstr("model.layers = 0"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.vocab = 0; }), HasSubstr("model.vocab = 0"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.ffn = -1; }), HasSubstr("model.ffn = -1"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.heads = 3; }),
              HasSubstr("model.heads = 3 does not divide model.hidden = 4096"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.kv_heads = 5; }), HasSubstr("model.kv_heads = 5 does not divide"));
  EXPECT_THAT(refusal(gpt2, [](auto& c) { c.kv_heads = 4; }), HasSubstr("gpt2 has no grouped-query attention"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.hidden = 32 * 5; }), HasSubstr("odd"));
  EXPECT_EQ(refusal(gpt2, [](auto& c) { c.hidden = 12 * 5; }), "accepted");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.dropout = 1; }), HasSubstr("model.dropout"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.norm_eps = 0; }), HasSubstr("model.norm_eps"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.init_std = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("model.init_std"));
}

}  // namespace
}  // namespace trireme::spec
