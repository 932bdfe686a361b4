#include "launcher/runs/run_filter.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

IndexedRun example() {
  IndexedRun run;
  run.path = "vision/a";
  run.user = "ada";
  run.state = "done";
  run.step = 100;
  run.loss = 2.5;
  run.datasets = {{"team:web-v2", "00ff"}};
  run.options = "model.layers=12\noptimizer.lr=0.0003\ndata.train=team:web-v2\nmodel.arch=llama\n";
  return run;
}

bool found(const std::string& word) { return matches(parse_condition(word), example()); }

TEST(RunFilter, ConditionsThatHold) {
  for (const char* word : {"model.layers=12", "model.layers=12.0", "optimizer.lr=3e-4", "optimizer.lr<1e-3",
                           "optimizer.lr<=3e-4", "optimizer.lr>=3e-4", "model.layers!=13", "state=done", "user=ada",
                           "loss<2.6", "loss>2.4", "run~vision", "data.train~web", "dataset=team:web-v2",
                           "dataset=00ff", "step>=100", "model.preset!=gpt2-124m", "model.arch=llama"}) {
    EXPECT_TRUE(found(word)) << word;
  }
}

TEST(RunFilter, ConditionsThatDoNotHold) {
  for (const char* word :
       {"model.layers=1", "model.layers=2", "model.layers!=12", "optimizer.lr<3e-4", "state=dead", "user!=ada",
        "loss<2.5", "dataset=00", "dataset!=00ff", "model.heads=12", "model.arch=lama"}) {
    EXPECT_FALSE(found(word)) << word;
  }
}

TEST(RunFilter, WhatIsNoConditionIsRefused) {
  for (const char* word :
       {"", "layers", "=3", "modl.layers=12", "model.layrs=12", "colour=red", "optimizer.lr<small"}) {
    EXPECT_THROW((void)parse_condition(word), base::InputError) << word;
  }
}

TEST(RunFilter, AnOptionIsFoundByItsWholeName) {
  IndexedRun run;
  run.options = "a.layers=1\nmodel.layers=2\n";
  EXPECT_EQ(run.option("layers"), std::nullopt);
  EXPECT_EQ(run.option("a.layers"), "1");
  EXPECT_EQ(run.option("model.layers"), "2");
}

}  // namespace
}  // namespace trireme::launcher
