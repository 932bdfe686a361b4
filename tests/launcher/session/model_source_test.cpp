#include "launcher/session/model_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "launcher/hub/record.hpp"
#include "launcher/options/resolve.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Path = std::filesystem::path;
namespace sample = checkpoint::tests;

class ModelSourceTest : public testing::Test {
 protected:
  /// Options of a run as a checkpoint stores them.
  static options::RunOptions stored() {
    options::RunOptions options;
    options.run.name = "small";
    options.model.layers = 2;
    options.model.hidden = 32;
    options.model.heads = 4;
    options.model.sequence = 16;
    options.model.dropout = 0.25;
    options.data.train = "moved/data.h5";
    options.train.steps = 9;
    return options::resolve(options, {.dataset_vocab = 300}).options;
  }
  /// A run directory with a checkpoint of each step, whose tokenizer has the hash "abc".
  Path run(const std::string& name, const std::vector<std::int64_t>& steps, const std::string& hub = "") {
    Path path = directory_.path() / name;
    files_.create_directory(path);
    for (const std::int64_t step : steps) {
      tests::run_ranks(1, 1, [&](checkpoint::Coordinator& coordinator) {
        auto info = sample::sample_info(path, step);
        info.options = options::to_ini(stored());
        info.extra = {{"tokenizer_hash", "abc"}};
        info.hub = hub;
        ASSERT_TRUE(sample::save_sample(coordinator, files_, info, sample::sample_tensors(), {1, 1, 1, false}).ok);
      });
    }
    return path;
  }
  static Path step_of(const Path& run, std::int64_t step) { return run / "checkpoints" / base::str("step_", step); }
  void damage(const Path& file) { files_.replace(file, "{}"); }
  ModelSource find(const Path& path, const options::Overrides& overrides = {}, const std::string& checkpoint = "") {
    return find_model(files_, path.string(), overrides, checkpoint);
  }
  std::string refusal(const Path& path, const options::Overrides& overrides = {}, const std::string& checkpoint = "") {
    try {
      find(path, overrides, checkpoint);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "nothing was refused";
  }

  trireme::tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(ModelSourceTest, AStepDirectoryHasItsOwnOptions) {
  const Path run_directory = run("r", {3, 7});
  const ModelSource source = find(step_of(run_directory, 3), {{"train.micro_batch", "2"}});
  EXPECT_EQ(source.kind, ModelKind::kStepDirectory);
  EXPECT_EQ(source.weights, step_of(run_directory, 3));
  EXPECT_EQ(source.options.data.train, "moved/data.h5");
  EXPECT_EQ(source.options.train.micro_batch, 2);
  EXPECT_EQ(source.options.model.hidden, 32);
  EXPECT_EQ(source.options.model.dropout, 0.0);
  EXPECT_EQ(source.tokenizer_hash, "abc");
  EXPECT_EQ(source.tokenizer_json, "");
}

TEST_F(ModelSourceTest, ARunDirectoryHasItsRunFileAndItsNewestCheckpoint) {
  const Path run_directory = run("r", {3, 7});
  EXPECT_EQ(find(run_directory).options.data.train, "moved/data.h5");
  options::RunOptions latest = stored();
  latest.data.train = "data.h5";
  files_.replace(run_directory / "run.ini", options::to_ini(latest));
  const ModelSource source = find(run_directory);
  EXPECT_EQ(source.kind, ModelKind::kRunDirectory);
  EXPECT_EQ(source.weights, step_of(run_directory, 7));
  EXPECT_EQ(source.options.data.train, "data.h5");
  EXPECT_EQ(source.options.run.dir, run_directory.string());
  EXPECT_THAT(source.notes, IsEmpty());
}

TEST_F(ModelSourceTest, DamagedNewestCheckpointsArePassedOver) {
  const Path run_directory = run("r", {3, 7, 9});
  damage(step_of(run_directory, 9) / "MANIFEST.json");
  damage(step_of(run_directory, 7) / "node_0" / "shard_0.h5");
  const ModelSource source = find(run_directory);
  EXPECT_EQ(source.weights, step_of(run_directory, 3));
  EXPECT_THAT(source.notes, ElementsAre(HasSubstr("step_9 is damaged"), HasSubstr("step_7 is damaged")));
  EXPECT_THROW(find(step_of(run_directory, 7)), checkpoint::DamagedCheckpoint);
  damage(step_of(run_directory, 3) / "MANIFEST.json");
  EXPECT_THROW(find(run_directory), checkpoint::DamagedCheckpoint);
}

TEST_F(ModelSourceTest, ARunFileNamesItsRunOrACheckpointIsNamed) {
  const Path run_directory = run("r", {3, 7});
  const Path file = directory_.path() / "small.ini";
  files_.replace(file, "[run]\ndir = " + run_directory.string() + "\n[train]\nmicro_batch = 3\n");
  const ModelSource source = find(file);
  EXPECT_EQ(source.kind, ModelKind::kRunFile);
  EXPECT_EQ(source.weights, step_of(run_directory, 7));
  EXPECT_EQ(source.options.train.micro_batch, 3);
  EXPECT_EQ(source.options.model.hidden, 32);
  EXPECT_EQ(find(file, {}, step_of(run_directory, 3).string()).weights, step_of(run_directory, 3));
  EXPECT_EQ(find(file, {{"run.dir", "nowhere"}}, run_directory.string()).weights, step_of(run_directory, 7));
  EXPECT_THAT(refusal(file, {{"run.dir", "nowhere"}}),
              HasSubstr("nowhere is neither a checkpoint nor a run directory"));
}

TEST_F(ModelSourceTest, TheModelIsTheWeightsOwn) {
  const Path step = step_of(run("r", {3}), 3);
  EXPECT_THAT(refusal(step, {{"model.hidden", "64"}}), HasSubstr("--model.hidden=64: the model of"));
  EXPECT_THAT(refusal(step, {{"model.hidden", "64"}}), HasSubstr("has 32, which cannot be changed"));
  EXPECT_EQ(find(step, {{"model.hidden", "32"}, {"model.dropout", "0.5"}}).options.model.dropout, 0.0);
  EXPECT_THAT(refusal(step, {{"model.hiden", "64"}}), HasSubstr("model.hidden"));
}

TEST_F(ModelSourceTest, WhatAPublicModelSaysOfAnotherTokenizerIsDropped) {
  HubRecord record;
  record.name = "org/model";
  record.texts = {{"config.json", R"({"eos_token_id":5,"bos_token_id":4,"hidden_size":32})"},
                  {"generation_config.json", R"({"eos_token_id":5})"},
                  {"tokenizer.json", "{}"},
                  {"tokenizer_config.json", R"({"eos_token":"x"})"},
                  {"special_tokens_map.json", "{}"},
                  {"chat_template.jinja", "{{ messages }}"},
                  {"README.md", "a model"}};
  const std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} )";
  record.shards = {{"model.safetensors", header, safetensors::parse_header(header, 8, "x")}};
  const ModelSource source = find(run("r", {3}, to_text(record)));
  EXPECT_EQ(source.tokenizer_hash, "abc");
  EXPECT_EQ(source.tokenizer_json, "");
  EXPECT_THAT(source.texts, ElementsAre(Pair("README.md", "a model"), Pair("config.json", R"({"hidden_size":32})")));
}

TEST_F(ModelSourceTest, SaysWhatToGiveInstead) {
  EXPECT_THAT(refusal(directory_.path() / "none"),
              HasSubstr("none: give a run file, a run directory, a checkpoint or"));
  EXPECT_THAT(refusal(""), HasSubstr("there is no ''"));
  const Path run_directory = run("r", {3});
  EXPECT_THAT(refusal(run_directory / "checkpoints"), HasSubstr("holds checkpoints: give one of them, or the run"));
  EXPECT_THAT(refusal(step_of(run_directory, 3) / "MANIFEST.json"), HasSubstr("give the directory that holds it"));
  EXPECT_THAT(refusal(step_of(run_directory, 3), {}, "other"), HasSubstr("--checkpoint goes with a run file"));
  files_.create_directory(directory_.path() / "empty");
  EXPECT_THAT(refusal(directory_.path() / "empty"), HasSubstr("no run.ini, no MANIFEST.json and no config.json"));
  files_.create_directory(directory_.path() / "begun");
  files_.replace(directory_.path() / "begun" / "run.ini", options::to_ini(stored()));
  EXPECT_THAT(refusal(directory_.path() / "begun"), HasSubstr("begun is neither a checkpoint nor a run directory"));
  files_.remove(step_of(run_directory, 3) / "MANIFEST.json");
  EXPECT_THROW(find(step_of(run_directory, 3)), checkpoint::DamagedCheckpoint);
  files_.replace(directory_.path() / "begun" / "run.ini", "[program]\ncommand = ./train\n");
  EXPECT_THAT(refusal(directory_.path() / "begun"), HasSubstr("somebody's own program"));
}

}  // namespace
}  // namespace trireme::launcher
