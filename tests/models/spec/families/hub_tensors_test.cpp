#include "models/spec/families/hub_tensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

ModelConfig small(const char* family) {
  ModelConfig config = defaults_of(family, {2, 24, 4});
  config.vocab = 9;
  return config;
}

/// The files of a new model, with the shapes of the plan.
std::vector<FileTensor> files_of(const ModelConfig& config) {
  std::map<std::string, topology::Shape> shapes;
  for (const LogicalTensor& tensor : logical_tensors(make_plan(config))) shapes[tensor.name] = tensor.shape;
  std::vector<FileTensor> files;
  for (const HubTensor& tensor : new_hub_tensors(config)) {
    topology::Shape shape = shapes[tensor.parts.front()];
    for (std::size_t i = 1; i < tensor.parts.size(); ++i) shape[0] += shapes[tensor.parts[i]][0];
    if (tensor.transposed) std::swap(shape[0], shape[1]);
    files.push_back({tensor.name, shape});
  }
  return files;
}

std::string refusal(const ModelConfig& config, const std::vector<FileTensor>& files) {
  try {
    hub_tensors(config, files, "DIR");
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

FileTensor& tensor_of(std::vector<FileTensor>& files, const std::string& name) {
  return *std::ranges::find(files, name, &FileTensor::name);
}

TEST(HubTensors, NewFilesHoldEveryLogicalTensor) {
  for (const std::string& name : preset_names()) {
    ModelConfig config = *preset(name);
    config.layers = 2;
    const std::vector<FileTensor> files = files_of(config);
    const std::vector<HubTensor> tensors = hub_tensors(config, files, name);
    EXPECT_EQ(tensors, new_hub_tensors(config)) << name;
  }
}

TEST(HubTensors, ThePrefixOfTheBaseModelMayBeMissing) {
  for (const auto& [family, prefix] : {std::pair{"gpt2", "transformer."}, {"llama", "model."}, {"bert", "bert."}}) {
    const ModelConfig config = small(family);
    std::vector<FileTensor> files = files_of(config);
    const std::vector<HubTensor> full = hub_tensors(config, files, "DIR");
    for (FileTensor& file : files) {
      if (file.name.starts_with(prefix)) file.name = file.name.substr(std::string(prefix).size());
    }
    const std::vector<HubTensor> bare = hub_tensors(config, files, "DIR");
    ASSERT_EQ(bare.size(), full.size());
    for (std::size_t i = 0; i < bare.size(); ++i) EXPECT_EQ(bare[i].parts, full[i].parts) << files[i].name;
    EXPECT_EQ(bare[0].name, files[0].name) << "as the file has it";
  }
}

TEST(HubTensors, ATiedHeadMayBeThereAsACopy) {
  const ModelConfig config = small("gpt2");
  std::vector<FileTensor> files = files_of(config);
  files.insert(files.begin(), {"lm_head.weight", {9, 24}});
  const std::vector<HubTensor> tensors = hub_tensors(config, files, "DIR");
  EXPECT_EQ(tensors[0], (HubTensor{"lm_head.weight", HubRole::kCopy, {"embed.tokens"}, false}));
  EXPECT_EQ(tensors[1], (HubTensor{"transformer.wte.weight", HubRole::kParameter, {"embed.tokens"}, false}));
  // A file may hold the shared numbers under the head's name alone.
  files.erase(files.begin() + 1);
  EXPECT_EQ(hub_tensors(config, files, "DIR")[0].role, HubRole::kParameter);
}

TEST(HubTensors, BuffersAndFormerNamesAreKnown) {
  const ModelConfig config = small("bert");
  std::vector<FileTensor> files = files_of(config);
  for (FileTensor& file : files) {
    for (const auto& [today, former] :
         {std::pair{".LayerNorm.weight", ".LayerNorm.gamma"}, {".LayerNorm.bias", ".LayerNorm.beta"}}) {
      const std::size_t at = file.name.find(today);
      if (at != std::string::npos) file.name.replace(at, std::string(today).size(), former);
    }
  }
  files.push_back({"bert.embeddings.position_ids", {1, 512}});
  files.push_back({"cls.seq_relationship.weight", {2, 24}});
  files.push_back({"cls.predictions.decoder.bias", {9}});
  const std::vector<HubTensor> tensors = hub_tensors(config, files, "DIR");
  EXPECT_THAT(tensors,
              Contains(HubTensor{"bert.embeddings.LayerNorm.gamma", HubRole::kParameter, {"embed.norm.weight"}}));
  EXPECT_THAT(tensors, Contains(HubTensor{"bert.embeddings.position_ids", HubRole::kBuffer, {}}));
  EXPECT_THAT(tensors, Contains(HubTensor{"cls.seq_relationship.weight", HubRole::kUnused, {}}));
  EXPECT_THAT(tensors, Contains(HubTensor{"cls.predictions.decoder.bias", HubRole::kCopy, {"head.bias"}}));
  ModelConfig gpt2 = small("gpt2");
  files = files_of(gpt2);
  files.push_back({"h.1.attn.bias", {1, 1, 1024, 1024}});
  EXPECT_EQ(hub_tensors(gpt2, files, "DIR").back(), (HubTensor{"h.1.attn.bias", HubRole::kBuffer, {}}));
}

TEST(HubTensors, AnUntiedBertUsesTheBiasOfItsLinear) {
  ModelConfig config = small("bert");
  config.tie_embeddings = false;
  EXPECT_THAT(new_hub_tensors(config),
              Contains(HubTensor{"cls.predictions.decoder.bias", HubRole::kParameter, {"head.bias"}}));
  std::vector<FileTensor> files = files_of(config);
  files.push_back({"cls.predictions.bias", {9}});
  EXPECT_EQ(hub_tensors(config, files, "DIR").back().role, HubRole::kUnused);
}

TEST(HubTensors, ModelsWithoutAHeadAreNamedWithoutAPrefix) {
  ModelConfig config = small("bert");
  config.lm_head = false;
  config.pooler = true;
  EXPECT_THAT(new_hub_tensors(config),
              Contains(HubTensor{"pooler.dense.weight", HubRole::kParameter, {"pooler.weight"}}));
  EXPECT_THAT(new_hub_tensors(config),
              Contains(HubTensor{"embeddings.word_embeddings.weight", HubRole::kParameter, {"embed.tokens"}}));
}

TEST(FitToFiles, TakesAHeadAndAPoolerThatAreThere) {
  ModelConfig config = small("bert");
  config.pooler = true;
  const std::vector<FileTensor> with_pooler = files_of(config);
  config.pooler = false;
  fit_to_files(config, with_pooler);
  EXPECT_TRUE(config.pooler);
  fit_to_files(config, files_of(small("bert")));
  EXPECT_FALSE(config.pooler);
  ModelConfig llama = small("llama");
  llama.lm_head = false;
  fit_to_files(llama, files_of(small("llama")));
  EXPECT_TRUE(llama.lm_head);
  fit_to_files(llama, {});
  EXPECT_TRUE(llama.lm_head) << "a head that is said and is not there is missing";
}

TEST(HubTensors, RefuseWhatDoesNotFit) {
  const ModelConfig config = small("llama");
  std::vector<FileTensor> files = files_of(config);
  files.push_back({"model.layers.0.self_attn.q_proj.lora\n", {1}});
  EXPECT_THAT(refusal(config, files),
              HasSubstr("DIR: the tensor model.layers.0.self_attn.q_proj.lora\\x0A is in no model"));
  files.back() = {"model.layers.2.input_layernorm.weight", {24}};
  EXPECT_THAT(refusal(config, files), HasSubstr("layers.2"));
  files.back() = {"embed_tokens.weight", {9, 24}};
  EXPECT_THAT(refusal(config, files), HasSubstr("model.embed_tokens.weight and embed_tokens.weight are the same one"));
  files.pop_back();
  tensor_of(files, "lm_head.weight").shape = {24, 9};
  EXPECT_THAT(refusal(config, files), HasSubstr("lm_head.weight is of shape [24, 9], and config.json says [9, 24]"));
  files.erase(files.begin());
  tensor_of(files, "lm_head.weight").shape = {9, 24};
  EXPECT_THAT(refusal(config, files), HasSubstr("DIR: the tensor model.embed_tokens.weight is missing"));
  EXPECT_THAT(refusal(config, {}), HasSubstr("(and 20 more) is missing"));
}

}  // namespace
}  // namespace trireme::spec
