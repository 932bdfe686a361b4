// A checkpoint of a smaller vocabulary: the first rows are filled, the new ones keep what they have, when allowed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/layout_state.hpp"

namespace trireme::tests {
namespace {

using testing::HasSubstr;

spec::ModelConfig with_vocabulary(spec::ModelConfig model, std::int64_t vocab) {
  model.vocab = vocab;
  return model;
}

/// Every n-th layout.
std::vector<Layout> some_layouts(const spec::ModelConfig& model, std::size_t n) {
  std::vector<Layout> layouts;
  std::vector<Layout> all = all_layouts(model);
  for (std::size_t i = 0; i < all.size(); i += n) layouts.push_back(std::move(all[i]));
  return layouts;
}

void grow_in_all(const spec::ModelConfig& model, std::int64_t rows, const std::vector<std::string>& tensors) {
  const Truth before(model);
  const spec::ModelConfig grown = with_vocabulary(model, rows);
  Truth after(grown);
  checkpoint::LoadOptions options;
  for (const std::string& tensor : tensors) {
    after.keep_initial(tensor, model.vocab * model.hidden);
    options.allow.push_back("grow:" + tensor);
  }
  const std::vector<Layout> targets = some_layouts(grown, 5);
  for (const Layout& from : some_layouts(model, 11)) {
    TemporaryDirectory directory(memory_directory());
    const auto path = save(from, before, directory.path());
    for (const Layout& to : targets) {
      const Compared result = load(to, after, path, options);
      ASSERT_EQ(result.equal, result.elements) << from.name << " -> " << to.name;
    }
  }
}

TEST(VocabularyGrowth, NewRowsKeepTheirValuesInEveryLayout) {
  grow_in_all(tied_llama(), 75, {"embed.tokens"});
  grow_in_all(untied_gpt2(), 29, {"embed.tokens", "head.weight"});
}

std::string refusal(const spec::ModelConfig& saved, const spec::ModelConfig& wanted, std::vector<std::string> allow) {
  TemporaryDirectory directory(memory_directory());
  const auto path = save(some_layouts(saved, 13)[1], Truth(saved), directory.path());
  checkpoint::LoadOptions options;
  options.allow = std::move(allow);
  try {
    load(some_layouts(wanted, 17)[2], Truth(wanted), path, options);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(VocabularyGrowth, NeedsPermissionForEachTensor) {
  EXPECT_THAT(refusal(tied_llama(), with_vocabulary(tied_llama(), 64), {}),
              HasSubstr("embed.tokens has 61 rows in the checkpoint and 64 in the model: checkpoint.allow = "
                        "grow:embed.tokens fills"));
  EXPECT_THAT(refusal(tied_llama(), with_vocabulary(tied_llama(), 64), {"embed.tokens"}),
              HasSubstr("grow:embed.tokens"));
  EXPECT_THAT(refusal(untied_gpt2(), with_vocabulary(untied_gpt2(), 64), {"grow:embed.tokens"}),
              HasSubstr("head.weight has 13 rows in the checkpoint and 64 in the model: checkpoint.allow = "
                        "grow:head.weight"));
}

TEST(VocabularyGrowth, NeverShrinks) {
  EXPECT_THAT(refusal(tied_llama(), with_vocabulary(tied_llama(), 60), {"grow:embed.tokens"}),
              HasSubstr("embed.tokens has 61 rows in the checkpoint and 60 in the model: a tensor may grow, it cannot "
                        "shrink"));
}

}  // namespace
}  // namespace trireme::tests
