#include "models/spec/families/hub_config.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_reader.hpp"
#include "models/spec/properties.hpp"

namespace trireme::spec {

using base::InputError;
using base::Json;
using base::str;

namespace {

const HubClass& class_of(HubReader& reader) {
  const std::string type = reader.word("model_type");
  for (const HubClass& each : hub_classes()) {
    if (type == each.model_type) return each;
  }
  const char* hint = type == "gemma3" ? " (save its text model by itself: model_type = gemma3_text)" : "";
  reader.refuse("model_type", str("supported are ", base::join(hub_model_types()), hint));
}

/// Whether the model has an output head. A decoder without one whose embedding is the head has it all the same.
bool has_head(HubReader& reader, const HubClass& kind, bool tied) {
  constexpr const char* kField = "architectures";
  if (reader.missing(kField)) return true;
  const std::vector<std::string> names = reader.words(kField);
  for (const std::string& name : names) {
    const bool known =
        name == kind.language_model || name == kind.base_model || std::ranges::count(kind.also, name) > 0;
    if (known) continue;
    std::vector<std::string> supported = {kind.language_model, kind.base_model};
    supported.insert(supported.end(), kind.also.begin(), kind.also.end());
    reader.refuse(kField, str("supported are ", base::join(supported)));
  }
  const bool base_model = !names.empty() && names.front() == kind.base_model;
  return !base_model || (tied && !kind.own_head);
}

/// The name of the field that sets `key`.
std::string field_of(const HubClass& kind, std::int64_t ModelConfig::*key) {
  for (const HubField& row : kind.fields) {
    if (!row.targets.empty() && row.targets.front() == HubTarget(key)) return row.name;
  }
  return "";
}

/// Sizes on which the class's other values depend.
Sizes sizes_of(HubReader& reader, const HubClass& kind) {
  Sizes sizes;
  sizes.layers = reader.size(field_of(kind, &ModelConfig::layers));
  if (static_cast<double>(sizes.layers) > kMostLayers) {
    reader.refuse(field_of(kind, &ModelConfig::layers),
                  str("at most ", static_cast<std::int64_t>(kMostLayers), " are supported"));
  }
  sizes.hidden = reader.size(field_of(kind, &ModelConfig::hidden));
  sizes.heads = reader.size(field_of(kind, &ModelConfig::heads));
  return sizes;
}

void check_head_size(HubReader& reader, const HubClass& kind, const ModelConfig& config) {
  if (config.head_size > 0) return;
  const std::string own = field_of(kind, &ModelConfig::head_size);
  reader.refuse(field_of(kind, &ModelConfig::heads),
                str("it does not divide ", field_of(kind, &ModelConfig::hidden), " = ", config.hidden,
                    own.empty() ? "" : ", and no head_dim says how wide a head is"));
}

}  // namespace

const std::vector<HubClass>& hub_classes() {
  static const std::vector<HubClass> all = [] {
    std::vector<HubClass> classes;
    for (const Family& each : families()) {
      for (HubClass& kind : each.hub_classes()) classes.push_back(std::move(kind));
    }
    return classes;
  }();
  return all;
}

std::vector<std::string> hub_model_types() {
  std::vector<std::string> types;
  for (const HubClass& each : hub_classes()) types.push_back(each.model_type);
  return types;
}

ModelConfig read_with(HubReader& reader, const HubClass& kind) {
  reader.find("model_type");
  ModelConfig config = kind.start(sizes_of(reader, kind));
  read_fields(reader, common_hub_fields(), config);
  read_fields(reader, kind.fields, config);
  check_head_size(reader, kind, config);
  kind.read(reader, config);
  config.lm_head = has_head(reader, kind, config.tie_embeddings);
  config.pooler = kind.own_head && !config.lm_head;
  reader.refuse_unread(str("a config.json of model_type = ", kind.model_type));
  return config;
}

ModelConfig read_hub_config(const Json& json, const std::string& name) {
  HubReader reader(json, name);
  const HubClass& kind = class_of(reader);
  ModelConfig config = read_with(reader, kind);
  try {
    make_plan(config);
  } catch (const InputError& error) {
    throw InputError(str(name, ": ", error.what()));
  }
  return config;
}

}  // namespace trireme::spec
