// [group.NAME]: from the run file and the command line to groups of parameters.
#include "launcher/options/group_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "launcher/options/groups.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/options/run_arguments.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::options {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kModel =
    "[model]\narch = llama\nlayers = 2\nhidden = 16\nheads = 4\nsequence = 8\nvocab = 64\n[data]\ntrain = a.h5\n"
    "[train]\nsteps = 10\n";

RunOptions parsed(const std::string& groups, const Overrides& overrides = {}) {
  return parse_run_options(kModel + groups, "run.ini", overrides);
}

template <typename Function>
std::string refusal_of(const Function& function) {
  try {
    function();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const std::string& groups, const Overrides& overrides = {}) {
  return refusal_of([&] { resolve(parsed(groups, overrides), {}); });
}

TEST(Groups, AreSectionsInTheOrderOfTheFile) {
  const RunOptions options = parsed(
      "[group.still]\nmatch = layers.0.*, embed.*\nfrozen = true\n"
      "[group.fast-1]\nmatch = head.weight\nlr_scale = 2.5\nweight_decay = 0\noptimizer = sgd\n");
  const auto groups = parameter_groups(options);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].name, "still");
  EXPECT_THAT(groups[0].patterns, ElementsAre("layers.0.*", "embed.*"));
  EXPECT_FALSE(groups[0].trainable);
  EXPECT_EQ(groups[1].name, "fast-1");
  EXPECT_EQ(groups[1].lr_scale, 2.5);
  EXPECT_EQ(groups[1].weight_decay, 0.0);
  EXPECT_EQ(groups[1].rule, "sgd");
  EXPECT_EQ(optimizers_of_groups(options).at("sgd").momentum, 0.9);
}

TEST(Groups, ReadBackFromWhatARunStores) {
  const RunOptions options = parsed("[group.b]\nmatch = *norm*\nlr_scale = 0.1\n[group.a]\nmatch = embed.*\n");
  const RunOptions back = parse_run_options(to_ini(options), "run.ini");
  EXPECT_EQ(to_map(back), to_map(options));
  EXPECT_EQ(back.groups[0].name, "b");
  EXPECT_EQ(to_map(options).at("group.b.lr_scale"), "0.1");
  EXPECT_EQ(to_map(options).count("group.b.weight_decay"), 0U);
}

TEST(Groups, AnOptimizerThatIsTheDefaultHasItsNumbers) {
  const RunOptions options = parsed("[optimizer]\nbeta1 = 0.8\n[group.a]\nmatch = embed.*\noptimizer = adamw\n");
  EXPECT_EQ(parameter_groups(options)[0].rule, "");
  EXPECT_TRUE(optimizers_of_groups(options).empty());
}

TEST(Groups, AreDescribedBesideTheOptimizerOfTheRest) {
  const RunOptions options = resolve(parsed("[group.still]\nmatch = embed.*, layers.0.*\nfrozen = true\n"
                                            "[group.queries]\nmatch = *.q.weight\noptimizer = lion\nweight_decay = 1\n"
                                            "[group.head]\nmatch = head.weight\nlr_scale = 0.5\nweight_decay = 0\n"),
                                     {})
                                 .options;
  EXPECT_EQ(describe_optimizers(options),
            "AdamW, betas 0.9 and 0.95, weight decay 0.1; still (embed.*, layers.0.*): frozen; queries (*.q.weight): "
            "Lion, betas 0.9 and 0.99, weight decay 1; head (head.weight): weight decay 0, learning rate times 0.5");
}

TEST(Groups, WhatMakesNoneIsRefusedInASentence) {
  EXPECT_EQ(refusal("[group.a]\nmatch = embed.*\n"), "");
  EXPECT_THAT(refusal("[group.a]\nmatch = embedding.*\n"),
              HasSubstr("group.a.match: embedding.* matches no tensor of the model; near are embed.tokens"));
  EXPECT_THAT(refusal("[group.a]\nlr_scale = 2\n"), HasSubstr("group.a.match is missing"));
  EXPECT_THAT(refusal("[group.a]\nmatch = embed.*\nlr_scal = 2\n"),
              HasSubstr("run.ini: unknown key group.a.lr_scal, did you mean group.a.lr_scale?"));
  EXPECT_THAT(refusal("[group.a]\nmatch = embed.*\nlr_scale = 0\n"), HasSubstr("group.a.lr_scale = 0, allowed: above"));
  EXPECT_THAT(refusal("[group]\nmatch = embed.*\n"), HasSubstr("as in [group.embedding]"));
  EXPECT_THAT(refusal("[group.a b]\nmatch = embed.*\n"), HasSubstr("letters, digits, - and _"));
  EXPECT_THAT(refusal("[group.a]\nmatch = embed.*\nfrozen = true\nlr_scale = 2\n"),
              HasSubstr("group.a.lr_scale does nothing"));
  EXPECT_THAT(refusal("[group.a]\nmatch = embed.*, *norm*\noptimizer = muon\n"),
              HasSubstr("group.a.optimizer = muon updates matrices of layers, and the group has none"));
  EXPECT_EQ(refusal("[group.a]\nmatch = embed.*, *.q.weight\noptimizer = muon\n"), "");
  EXPECT_THAT(refusal("[group.a]\nmatch = *norm*\nweight_decay = 0.2\n"),
              HasSubstr("group.a.weight_decay = 0.2 is on matrices, and the group has none"));
  EXPECT_EQ(refusal("[group.a]\nmatch = *norm*\nweight_decay = 0\n[group.b]\nmatch = *\nweight_decay = 0.2\n"), "");
  EXPECT_THAT(refusal_of([] { parse_run_options("[program]\ncommand = x\n[group.a]\nmatch = y\n", "run.ini"); }),
              HasSubstr("group.a.match does nothing in a [program] run"));
}

TEST(Groups, AreGivenOnTheCommandLineToo) {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory.path() / "run.ini").string();
  base::PosixFileSystem().replace(file, std::string(kModel) + "[group.a]\nmatch = embed.*\n");
  TrainLine line;
  ASSERT_TRUE(
      line.line.parse({file, "--group.a.lr_scale=0.5", "--group.b.match", "--x=y", "--group.b.frozen", "true"}));
  const RunOptions options = line.run.load();
  EXPECT_EQ(options.groups[0].lr_scale, 0.5);
  EXPECT_EQ(options.groups[1].match, "--x=y");
  EXPECT_TRUE(options.groups[1].frozen);
  const auto refused = [&](const Arguments& arguments) {
    return refusal_of([&] {
      TrainLine other;
      other.line.parse(arguments);
      other.run.load();
    });
  };
  EXPECT_THAT(refused({file, "--group.a.lr_scale=1", "--group.a.lr_scale=2"}), HasSubstr("is given twice"));
  EXPECT_THAT(refused({file, "--group.a.frozn=1"}), HasSubstr("did you mean group.a.frozen?"));
  EXPECT_THAT(refused({file, "--group.a.match"}), HasSubstr("--group.a.match needs a value"));
  EXPECT_THAT(TrainLine().line.help(), HasSubstr("--group.NAME.KEY VALUE"));
}

TEST(Groups, ChangesAreToldOnResume) {
  const RunOptions before = resolve(parsed("[group.a]\nmatch = embed.*\nlr_scale = 0.5\n"), {}).options;
  const RunOptions after = resolve(parsed("[group.b]\nmatch = *norm*\n[group.a]\nmatch = embed.*\n"), {}).options;
  EXPECT_THAT(compare_on_resume(before, after, "", ""),
              ElementsAre("group.b.match: (none) -> *norm*", "group.b.lr_scale: (none) -> 1",
                          "group.b.frozen: (none) -> false", "group.a.lr_scale: 0.5 -> 1", "groups: a -> b, a"));
  const RunOptions other = resolve(parsed("[group.a]\nmatch = embed.*\noptimizer = sgd\n"), {}).options;
  EXPECT_THAT(compare_on_resume(before, other, "", ""),
              ElementsAre("group.a.lr_scale: 0.5 -> 1", "group.a.optimizer: (none) -> sgd"))
      << "the load knows whether the checkpoint has what it keeps";
}

TEST(Groups, MayNameTheOptimizerThatTheyHaveOrGetAnotherNameOnResume) {
  const RunOptions plain = resolve(parsed("[group.a]\nmatch = embed.*\n"), {}).options;
  const RunOptions named = resolve(parsed("[group.a]\nmatch = embed.*\noptimizer = adamw\n"), {}).options;
  EXPECT_THAT(compare_on_resume(plain, named, "", ""), ElementsAre("group.a.optimizer: (none) -> adamw"));
  const RunOptions before = resolve(parsed("[group.a]\nmatch = embed.*\noptimizer = sgd\n"), {}).options;
  const RunOptions after = resolve(parsed("[group.b]\nmatch = embed.*\noptimizer = sgd\n"), {}).options;
  EXPECT_THAT(compare_on_resume(before, after, "", ""), testing::Contains("group.b.optimizer: (none) -> sgd"));
}

}  // namespace
}  // namespace trireme::options
