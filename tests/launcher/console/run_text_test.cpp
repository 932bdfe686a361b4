#include "launcher/console/run_text.hpp"

#include <gtest/gtest.h>

#include "models/spec/families/family.hpp"

namespace trireme::launcher {
namespace {

options::Resolved run() {
  options::Resolved run;
  run.options.train.global_batch = 32;
  run.options.train.micro_batch = 4;
  run.options.train.precision = "fp32";
  run.options.parallel.schedule = "1f1b";
  run.options.parallel.zero = 0;
  spec::ModelConfig model = spec::defaults_of("llama", {.layers = 4, .hidden = 128, .heads = 4});
  model.vocab = 4096;
  model.sequence = 128;
  run.model = spec::make_plan(model);
  run.degrees = {.tp = 2, .pp = 2};
  run.plan.micro_batches = 8;
  run.steps = 200;
  run.notes = {"of the options"};
  return run;
}

TEST(RunText, TheLayoutNamesZeroWhereItIsUsed) {
  EXPECT_EQ(layout_text(run()), "tp2·pp2, 1f1b");
  options::Resolved zero = run();
  zero.options.parallel.zero = 1;
  EXPECT_EQ(layout_text(zero), "tp2·pp2, 1f1b, zero 1");
}

TEST(RunText, ARunIsSaidInOneLineForEachOfItsParts) {
  const std::vector<std::string> lines = run_lines(run(), 8953, 4, 2, {"of the run file"});
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0].substr(0, lines[0].find(',')), "model     llama");
  EXPECT_NE(lines[0].find(" parameters: 4 layers, hidden 128, 4 heads, vocabulary 4096, sequence 128"),
            std::string::npos)
      << lines[0];
  EXPECT_EQ(lines[1], "data      8953 samples; global batch 32 = dp 1 x micro-batch 4 x 8");
  EXPECT_EQ(lines[2], "length    200 steps, 819k tokens, 0.715 epochs of data.train");
  EXPECT_EQ(lines[3], "layout    tp2·pp2, 1f1b, on 4 rank(s) x 2 thread(s), fp32");
  EXPECT_EQ(lines[4], "note      of the run file");
  EXPECT_EQ(lines[5], "note      of the options");
}

}  // namespace
}  // namespace trireme::launcher
