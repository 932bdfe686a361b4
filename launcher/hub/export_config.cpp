#include "launcher/hub/export_config.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "models/spec/families/hub_config.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using safetensors::ElementType;

/// As PyTorch names it.
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

}  // namespace

std::string exported_config(const spec::ModelConfig& model, const HubDirectory& recorded,
                            std::optional<ElementType> type) {
  const std::string text = recorded.record().text("config.json").value_or("");
  const spec::ModelConfig now = essence(model, recorded.model());
  if (now == recorded.model() && !type) return text;
  Json config = Json::parse(text);
  spec::ModelConfig grown = recorded.model();
  grown.vocab = now.vocab;
  if (now == grown) {
    config["vocab_size"] = now.vocab;
  } else {
    const Json written = spec::write_hub_config(now);
    for (const auto& [member, value] : written.items()) config[member] = value;
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
