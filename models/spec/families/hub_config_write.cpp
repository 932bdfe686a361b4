#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_config.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "models/spec/families/hub_reader.hpp"
#include "models/spec/properties.hpp"
#include "models/spec/words.hpp"

namespace trireme::spec {

using base::InputError;
using base::Json;
using base::str;

namespace {

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::int64_t value) { return str(value); }
std::string text_of(double value) { return str(value); }
template <typename Choice>
requires std::is_enum_v<Choice> std::string text_of(Choice value) { return word_of(value); }
template <typename Value>
std::string text_of(const PerLayer<Value>& values) {
  std::vector<std::string> words;
  for (const Value& value : values) words.push_back(text_of(value));
  return base::join(words);
}

/// The same but for the rounding of a value that was written as its inverse or root.
bool same_number(double a, double b) { return a == b || std::abs(a - b) <= 1e-14 * std::abs(a); }

/// `config` with its lists at their shortest.
ModelConfig tidy(ModelConfig config) {
  config.rope_theta = shortest_over(config.rope_theta, config.layers);
  config.rope_scaling = shortest_over(config.rope_scaling, config.layers);
  config.window = shortest_over(config.window, config.layers);
  const double usual = 1 / std::sqrt(static_cast<double>(config.head_size));
  if (same_number(config.attention_scale, usual)) config.attention_scale = 0;
  return config;
}

/// Gives `again` what no config.json says, and the exact value of numbers that were only rounded.
void take_unsaid(ModelConfig& again, const ModelConfig& config, const HubClass& kind) {
  again.arch = config.arch;
  again.dropout = config.dropout;
  if (kind.own_head) again.pooler = config.pooler;  // the files say whether it is there
  for_each_property([&](const auto& property) {
    if constexpr (std::is_same_v<decltype(again.*property.kValue), double&>) {
      if (same_number(again.*property.kValue, config.*property.kValue))
        again.*property.kValue = config.*property.kValue;
    }
  });
}

/// "qk_norm = head" for each key that differs.
std::vector<std::string> differences(const ModelConfig& config, const ModelConfig& again) {
  std::vector<std::string> found;
  for_each_property([&](const auto& property) {
    const auto& value = config.*property.kValue;
    if (value != again.*property.kValue) found.push_back(str("model.", property.name, " = ", text_of(value)));
  });
  return found;
}

Json write_with(const ModelConfig& config, const HubClass& kind) {
  Json json = {{"architectures", Json::array({config.lm_head ? kind.language_model : kind.base_model})},
               {"model_type", kind.model_type}};
  // Classes have ids of their own for absent ones; that of padding may lie beyond the vocabulary.
  for (const char* id : {"bos_token_id", "eos_token_id", "pad_token_id"}) json[id] = nullptr;
  write_fields(config, kind.fields, json);
  kind.write(config, json);
  // The embedding would be read as the head.
  if (!config.lm_head && !kind.own_head) json["tie_word_embeddings"] = false;
  return json;
}

struct Attempt {
  Json json;
  std::vector<std::string> unsaid;  ///< keys that the class cannot say; none: it says all
  std::string refusal;              ///< why the class cannot be this model all the same
  bool says_all = false;            ///< although there is a refusal

  bool said() const { return unsaid.empty() && refusal.empty(); }
};

Attempt attempt(const ModelConfig& given, const HubClass& kind) {
  const ModelConfig config = tidy(given);
  Attempt result{write_with(config, kind), {}, "", false};
  try {
    HubReader reader(result.json, "config.json");
    ModelConfig again = tidy(read_with(reader, kind));
    take_unsaid(again, config, kind);
    if (make_plan(again) != make_plan(config)) {
      result.unsaid = differences(config, again);
    } else if (kind.even_heads && config.hidden % config.heads != 0) {
      result.says_all = true;
      result.refusal = str(kind.language_model, " wants model.heads = ", config.heads,
                           " to divide model.hidden = ", config.hidden, ", whatever the head's size");
    }
  } catch (const InputError& error) {
    result.refusal = error.what();
  }
  return result;
}

/// The sentence for a model that no class can say, from the attempts with the classes of its family.
std::string refusal(const ModelConfig& config, const std::vector<HubClass>& classes,
                    const std::vector<Attempt>& tried) {
  const Attempt* nearest = nullptr;
  for (const Attempt& each : tried) {
    if (each.says_all) return str("no public class can be this model: ", each.refusal);
    if (each.unsaid.empty()) continue;
    if (nearest == nullptr || each.unsaid.size() < nearest->unsaid.size()) nearest = &each;
  }
  if (nearest == nullptr) return str("no public class can be this model: ", tried.front().refusal);
  std::vector<std::string> names;
  for (const HubClass& kind : classes) names.push_back(kind.language_model);
  return str("no public class of the family ", config.arch, " (", base::join(names), ") has ",
             base::join(nearest->unsaid, " and "),
             ", so config.json cannot say it: this model has no Hugging Face form");
}

}  // namespace

HubChoice choose_hub_class(const ModelConfig& config) {
  std::vector<Attempt> tried;
  const std::vector<HubClass> own = family(config.arch).hub_classes();
  for (const HubClass& kind : own) {
    tried.push_back(attempt(config, kind));
    if (tried.back().said()) return {config.arch, std::move(tried.back().json)};
  }
  // A Llama whose queries and keys are normed is a Qwen 3.
  for (const Family& other : families()) {
    if (other.name == config.arch) continue;
    for (const HubClass& kind : other.hub_classes()) {
      Attempt result = attempt(config, kind);
      if (result.said()) return {other.name, std::move(result.json)};
    }
  }
  throw InputError(refusal(config, own, tried));
}

Json write_hub_config(const ModelConfig& config) { return choose_hub_class(config).json; }

}  // namespace trireme::spec
