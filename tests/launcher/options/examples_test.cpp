// Every run file in examples/ resolves on the ranks it is meant for, and its sizes are what its comments say.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/file_system.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/resolve.hpp"
#include "models/spec/cost.hpp"

namespace trireme::options {
namespace {

const std::filesystem::path kExamples = TRIREME_SOURCE_DIR "/examples";

Resolved resolve_example(const std::string& name, int ranks, std::int64_t vocab, const Overrides& overrides = {}) {
  Surroundings surroundings;
  surroundings.world_size = ranks;
  surroundings.dataset_vocab = vocab;
  surroundings.cuda = ranks >= 8;
  return resolve(load_run_file((kExamples / name).string(), overrides), surroundings);
}

TEST(Examples, AllResolveOnTheirRanks) {
  std::map<std::string, std::pair<int, std::string>> layouts = {
      {"gpt2-124m.ini", {8, "dp8"}},           {"bert.ini", {8, "dp8"}},
      {"llama-1b-8gpu.ini", {8, "dp8"}},       {"llama-1b-16gpu.ini", {16, "dp16"}},
      {"llama-1b-64gpu.ini", {64, "dp64"}},    {"llama-8b-8gpu.ini", {8, "tp2·dp4"}},
      {"llama-8b-16gpu.ini", {16, "tp2·dp8"}}, {"llama-8b-64gpu.ini", {64, "tp2·pp2·dp16"}}};
  for (const auto& [name, expected] : layouts) {
    const Resolved resolved = resolve_example(name, expected.first, name == "bert.ini" ? 30522 : 50257);
    EXPECT_EQ(topology::to_string(resolved.degrees), expected.second) << name;
    EXPECT_GT(resolved.steps, 5000) << name;
    EXPECT_GE(resolved.plan.micro_batches, 4) << name;
    EXPECT_EQ(resolved.options.train.precision, "bf16") << name;
  }
  for (const std::string& file : base::PosixFileSystem().list(kExamples)) {
    if (std::filesystem::path(file).extension() != ".ini" || file == "quickstart.ini" || file == "sweep.ini" ||
        file.starts_with("finetune-") || file.starts_with("site-"))
      continue;
    EXPECT_EQ(layouts.count(file), 1U) << file << " is in no test";
  }
}

TEST(Examples, QuickstartRunsOnTheLayoutsItsScriptUses) {
  for (const auto& overrides : {Overrides{}, Overrides{{"parallel.tp", "2"}, {"parallel.pp", "2"}},
                                Overrides{{"parallel.pp", "2"}, {"parallel.dp", "2"}}}) {
    const Resolved resolved = resolve_example("quickstart.ini", 4, 4096, overrides);
    EXPECT_EQ(resolved.options.run.dir, "runs/quickstart");
    EXPECT_EQ(resolved.model.vocab, 4096);
  }
}

TEST(Examples, FinetuneTakesThePublicModelAndShortensItsSamples) {
  ModelSection initial;
  initial.preset = "smollm2-135m";
  complete_model(initial, {});
  for (const char* name : {"finetune-smollm2.ini", "finetune-chat.ini"}) {
    for (const auto& overrides : {Overrides{{"parallel.pp", "2"}}, Overrides{{"parallel.dp", "2"}}}) {
      Surroundings surroundings;
      surroundings.world_size = 2;
      surroundings.dataset_vocab = 49152;
      surroundings.initial_model = &initial;
      const Resolved resolved = resolve(load_run_file((kExamples / name).string(), overrides), surroundings);
      EXPECT_EQ(spec::parameter_count(resolved.model), 134515008);
      EXPECT_EQ(resolved.model.sequence, 256);
    }
  }
}

TEST(Examples, OfOneModelShareNameBatchAndLengthSoThatARunCanMove) {
  for (const char* model : {"llama-1b", "llama-8b"}) {
    const std::string start = model;
    const Resolved small = resolve_example(start + "-8gpu.ini", 8, 0);
    for (const int ranks : {16, 64}) {
      const Resolved other = resolve_example(start + "-" + std::to_string(ranks) + "gpu.ini", ranks, 0);
      for (const std::string& change : compare_on_resume(small.options, other.options, "", "")) {
        EXPECT_EQ(change.rfind("parallel.", 0), 0U) << change;
      }
    }
  }
}

TEST(Examples, AreTheShapesTheyAreNamedFor) {
  EXPECT_EQ(spec::parameter_count(resolve_example("gpt2-124m.ini", 8, 50257).model), 124439808);
  EXPECT_EQ(spec::parameter_count(resolve_example("bert.ini", 8, 30522).model), 109514298);
  EXPECT_EQ(spec::parameter_count(resolve_example("llama-1b-8gpu.ini", 8, 0).model), 1235814400);
  EXPECT_EQ(spec::parameter_count(resolve_example("llama-8b-8gpu.ini", 8, 0).model), 8030261248);
}

}  // namespace
}  // namespace trireme::options
