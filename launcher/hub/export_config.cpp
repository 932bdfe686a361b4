#include "launcher/hub/export_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "models/spec/families/hub_config.hpp"
#include "models/spec/families/hub_tensors.hpp"
#include "models/spec/plan.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using safetensors::ElementType;

/// Returns PyTorch's name of the type.
const char* torch_name(ElementType type) {
  switch (type) {
    case ElementType::kF64: return "float64";
    case ElementType::kF16: return "float16";
    case ElementType::kBF16: return "bfloat16";
    default: return "float32";
  }
}

/// What training may change without changing the model: how it is trained, and the length of its samples.
spec::ModelConfig essence(spec::ModelConfig model, const spec::ModelConfig& recorded) {
  model.dropout = recorded.dropout;
  model.init_std = recorded.init_std;
  // Positions that are no table have any length; that of a shorter training is not the longest that the model can do.
  if (model.positions != spec::Positions::kLearned && model.sequence < recorded.sequence) {
    model.sequence = recorded.sequence;
  }
  return model;
}

void set_type(Json& config, ElementType type) {
  for (const char* member : {"dtype", "torch_dtype"}) {
    if (config.contains(member)) config[member] = torch_name(type);
  }
}

/// Members that say one thing in several ways: where one of them changes, all are replaced.
constexpr std::array<std::string_view, 5> kRotary = {"rope_theta", "rope_scaling", "rope_parameters",
                                                     "rope_local_base_freq", "partial_rotary_factor"};
constexpr std::array<std::string_view, 7> kLayers = {
    "layer_types",       "sliding_window", "sliding_window_pattern", "use_sliding_window",
    "max_window_layers", "no_rope_layers", "no_rope_layer_interval"};

/// `config` with the members that differ between `was` and `now`, both by write_hub_config(). `groups`: replaces those
/// of the groups above even when none of theirs differs.
Json merged(Json config, const Json& was, const Json& now, bool groups) {
  const auto differs = [&](std::string_view member) {
    return was.contains(member) != now.contains(member) || (now.contains(member) && was[member] != now[member]);
  };
  const auto replace_group = [&](const auto& members) {
    if (!groups && std::ranges::none_of(members, differs)) return;
    for (const std::string_view member : members) {
      config.erase(member);
      if (now.contains(member)) config[member] = now[member];
    }
  };
  for (const auto& [member, value] : was.items()) {
    if (!now.contains(member)) config.erase(member);
  }
  for (const auto& [member, value] : now.items()) {
    if (differs(member)) config[member] = value;
  }
  replace_group(kRotary);
  replace_group(kLayers);
  return config;
}

/// Whether an import of `config` with the record's tensors is the model `now`.
bool describes(const Json& config, const spec::ModelConfig& now, const HubDirectory& recorded) {
  try {
    spec::ModelConfig again = spec::read_hub_config(config, "config.json");
    std::vector<spec::FileTensor> names;
    for (const HubFileTensor& tensor : recorded.tensors()) names.push_back({tensor.place.name, tensor.place.shape});
    spec::fit_to_files(again, names);
    return spec::make_plan(again) == spec::make_plan(now);
  } catch (const base::InputError&) {
    return false;
  }
}

Json changed_config(const Json& config, const spec::ModelConfig& now, const HubDirectory& recorded) {
  const Json was = spec::write_hub_config(recorded.model());
  const Json written = spec::write_hub_config(now);
  for (const bool groups : {false, true}) {
    Json result = merged(config, was, written, groups);
    if (describes(result, now, recorded)) return result;
  }
  throw base::InputError(
      "the model differs from the imported one in a way that its config.json cannot say: keep the keys of [model] that "
      "the import gave it");
}

}  // namespace

std::string exported_config(const spec::ModelConfig& model, const HubDirectory& recorded,
                            std::optional<ElementType> type) {
  std::string text = recorded.record().text("config.json").value_or("");
  const spec::ModelConfig now = essence(model, recorded.model());
  if (now == recorded.model() && !type) return text;
  Json config = Json::parse(text);
  spec::ModelConfig grown = recorded.model();
  grown.vocab = now.vocab;
  if (now == grown) {
    config["vocab_size"] = now.vocab;
  } else {
    config = changed_config(config, now, recorded);
  }
  if (type) set_type(config, *type);
  return config.dump(2) + "\n";
}

std::string new_config(const spec::ModelConfig& model, ElementType type) {
  Json config = spec::write_hub_config(model);
  config["dtype"] = torch_name(type);
  return config.dump(2) + "\n";
}

}  // namespace trireme::launcher
