// Any text as config.json: as it is, and laid over a complete file of some class, so that every field is reached.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/families/hub_config.hpp"

namespace {

using trireme::base::InputError;
using trireme::base::Json;

constexpr std::int64_t kFewLayers = 64;

/// What is accepted is a model, and is written, if a class has it, as a file that is read as the same model.
void check(const Json& json) {
  trireme::spec::ModelConfig config;
  try {
    config = trireme::spec::read_hub_config(json, "config.json");
  } catch (const InputError&) {
    return;
  }
  const auto plan = make_plan(config);  // must not throw
  if (config.layers > kFewLayers) return;
  Json written;
  try {
    written = write_hub_config(config);
  } catch (const InputError&) {
    return;
  }
  auto again = trireme::spec::read_hub_config(written, "config.json");
  again.pooler = config.pooler;
  again.arch = config.arch;
  if (make_plan(again) != plan) std::abort();
}

/// A file that is accepted, of the class number `number`.
Json complete_file(std::size_t number) {
  const auto types = trireme::spec::hub_model_types();
  const std::string& type = types[number % types.size()];
  if (type == "gpt2") {
    return {{"model_type", type}, {"vocab_size", 9}, {"n_positions", 8}, {"n_embd", 16}, {"n_layer", 3}, {"n_head", 2}};
  }
  return {{"model_type", type},
          {"vocab_size", 9},
          {"hidden_size", 16},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 2},
          {"intermediate_size", 9},
          {"max_position_embeddings", 8},
          {"num_key_value_heads", type == "bert" ? Json() : Json(2)}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return 0;
  check(json);
  if (!json.is_object()) return 0;
  Json file = complete_file(size);
  for (auto it = json.begin(); it != json.end(); ++it) file[it.key()] = it.value();
  check(file);
  return 0;
}
