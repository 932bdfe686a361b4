#include "models/spec/families/hub_rotary.hpp"

#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "models/spec/families/hub_layers.hpp"

namespace trireme::spec {

using base::Json;
using base::str;

namespace {

/// What one object says.
struct Rotary {
  double theta = 10000;
  double fraction = 1;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1;
  std::int64_t original_sequence = 0;
  double low_frequency = 1;
  double high_frequency = 4;
  double beta_fast = 32;
  double beta_slow = 1;
  double attention_factor = 0;
};

/// What counts where the object does not say it.
struct Otherwise {
  std::optional<double> theta;     ///< from fields around the object
  std::optional<double> fraction;  ///< the same
  double absent_theta = 10000;
  double absent_fraction = 1;
  std::int64_t sequence = 0;
};

constexpr const char* kTypes = "supported are default, linear, llama3 and yarn";

RopeScaling scaling_of(HubReader& object, const std::string& field) {
  const std::string type = object.word(field);
  if (type == "default") return RopeScaling::kNone;
  if (type == "linear") return RopeScaling::kLinear;
  if (type == "llama3") return RopeScaling::kLlama3;
  if (type == "yarn") return RopeScaling::kYarn;
  object.refuse(field, kTypes);
}

RopeScaling read_type(HubReader& object, bool old_name) {
  const bool named = !object.missing("rope_type");
  // transformers 4 wrote both for a while.
  const bool named_old = old_name && !object.missing("type");
  if (named && named_old && scaling_of(object, "type") != scaling_of(object, "rope_type")) {
    object.refuse("type", "rope_type says something else: remove one of them");
  }
  if (named) return scaling_of(object, "rope_type");
  return named_old ? scaling_of(object, "type") : RopeScaling::kNone;
}

/// A number in the object or around it; both must be the same.
double said_once(HubReader& object, const char* field, const std::optional<double>& around, double absent) {
  if (object.missing(field)) return around.value_or(absent);
  const double value = object.number(field);
  if (around && *around != value)
    object.refuse(field, str("beside it, ", field, " = ", *around, ": remove one of them"));
  return value;
}

/// YaRN's factor of cosines and sines; 0 where it follows from the factor alone.
double yarn_attention_factor(HubReader& object, double factor) {
  const bool first = !object.missing("mscale"), second = !object.missing("mscale_all_dim");
  if (!object.missing("attention_factor")) return object.number("attention_factor");
  if (!first || !second) return 0;
  const auto scale = [&](const char* field) { return 0.1 * object.number(field) * std::log(factor) + 1; };
  return scale("mscale") / scale("mscale_all_dim");
}

void read_yarn(HubReader& object, Rotary& rotary) {
  if (!object.missing("beta_fast")) rotary.beta_fast = object.number("beta_fast");
  if (!object.missing("beta_slow")) rotary.beta_slow = object.number("beta_slow");
  rotary.attention_factor = yarn_attention_factor(object, rotary.factor);
  if (!object.missing("truncate") && !object.flag("truncate")) {
    object.refuse("truncate", "only true is supported: the bounds of the ramp are whole pairs");
  }
}

Rotary read_object(HubReader& object, const Otherwise& otherwise, bool old_name) {
  Rotary rotary;
  rotary.theta = said_once(object, "rope_theta", otherwise.theta, otherwise.absent_theta);
  rotary.fraction = said_once(object, "partial_rotary_factor", otherwise.fraction, otherwise.absent_fraction);
  rotary.scaling = read_type(object, old_name);
  if (rotary.scaling != RopeScaling::kNone) {
    rotary.factor = object.number("factor");
    if (rotary.factor < 1) object.refuse("factor", "at least 1 is expected");
  }
  if (rotary.scaling == RopeScaling::kLlama3 || rotary.scaling == RopeScaling::kYarn) {
    constexpr const char* kOriginal = "original_max_position_embeddings";
    rotary.original_sequence = object.missing(kOriginal) ? otherwise.sequence : object.size(kOriginal);
  }
  if (rotary.scaling == RopeScaling::kLlama3) {
    rotary.low_frequency = object.number("low_freq_factor");
    rotary.high_frequency = object.number("high_freq_factor");
  }
  if (rotary.scaling == RopeScaling::kYarn) read_yarn(object, rotary);
  object.refuse_unread("rotary positions of this type");
  // A stretching by 1 changes nothing.
  const bool same_size = rotary.attention_factor == 0 || rotary.attention_factor == 1;
  if (rotary.factor == 1 && same_size) {
    return {.theta = rotary.theta, .fraction = rotary.fraction};
  }
  return rotary;
}

/// The object of `field`, or one that says nothing.
Rotary read_field(HubReader& reader, const char* field, const Otherwise& otherwise, bool old_name) {
  if (!reader.missing(field)) {
    HubReader object = reader.object(field);
    return read_object(object, otherwise, old_name);
  }
  const Json nothing = Json::object();
  HubReader object(nothing, "");
  return read_object(object, otherwise, old_name);
}

bool says_something(HubReader& reader, const char* field) {
  const Json* value = reader.find(field);
  return value != nullptr && !value->is_null() && !value->empty();
}

void refuse_both(HubReader& reader) {
  if (!says_something(reader, "rope_scaling") || !says_something(reader, "rope_parameters")) return;
  reader.refuse("rope_scaling", "rope_parameters says the same things: remove one of them");
}

std::optional<double> number_if_any(HubReader& reader, const char* field) {
  if (reader.missing(field)) return std::nullopt;
  return reader.number(field);
}

void set_scaling(ModelConfig& config, const Rotary& rotary) {
  config.rope_factor = rotary.factor;
  config.rope_original_sequence = rotary.original_sequence;
  config.rope_low_frequency = rotary.low_frequency;
  config.rope_high_frequency = rotary.high_frequency;
  config.rope_beta_fast = rotary.beta_fast;
  config.rope_beta_slow = rotary.beta_slow;
  config.rope_attention_factor = rotary.attention_factor;
}

bool same_scaling(const Rotary& a, const Rotary& b) {
  ModelConfig first, second;
  set_scaling(first, a);
  set_scaling(second, b);
  return first == second && a.scaling == b.scaling;
}

/// rope_scaling of a layer; null for none.
Json scaling_object(const ModelConfig& config, RopeScaling scaling) {
  if (scaling == RopeScaling::kNone) return nullptr;
  Json object = {{"factor", config.rope_factor}};
  if (scaling == RopeScaling::kLinear) {
    object["rope_type"] = "linear";
    return object;
  }
  object["original_max_position_embeddings"] = config.rope_original_sequence;
  if (scaling == RopeScaling::kLlama3) {
    object["low_freq_factor"] = config.rope_low_frequency;
    object["high_freq_factor"] = config.rope_high_frequency;
    object["rope_type"] = "llama3";
    return object;
  }
  object["beta_fast"] = config.rope_beta_fast;
  object["beta_slow"] = config.rope_beta_slow;
  if (config.rope_attention_factor > 0) object["attention_factor"] = config.rope_attention_factor;
  object["rope_type"] = "yarn";
  return object;
}

/// The first layer that has rotary positions, else the first.
std::int64_t turned_layer(const ModelConfig& config) {
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    if (at_layer(config.rope_theta, layer) != 0) return layer;
  }
  return 0;
}

}  // namespace

std::vector<HubField> rotary_fields() {
  return {hub_code("rope_theta", "base of the angles"),
          hub_code("rope_scaling", "stretched positions: default, linear, llama3, yarn"),
          hub_code("rope_parameters", "both, as transformers 5 writes them"),
          hub_fixed("partial_rotary_factor", 1.0, "all of a head is rotated")};
}

void read_rotary(HubReader& reader, ModelConfig& config, double theta, const std::optional<double>& fraction) {
  refuse_both(reader);
  const Otherwise otherwise{number_if_any(reader, "rope_theta"), number_if_any(reader, "partial_rotary_factor"), theta,
                            fraction.value_or(1), config.sequence};
  const char* field = says_something(reader, "rope_scaling") ? "rope_scaling" : "rope_parameters";
  const Rotary rotary = read_field(reader, field, otherwise, true);
  if (!fraction && rotary.fraction != 1) reader.refuse(field, "models of this type rotate whole heads");
  config.rope_theta = {rotary.theta};
  config.rope_fraction = rotary.fraction;
  config.rope_scaling = {rotary.scaling};
  set_scaling(config, rotary);
}

void write_rotary(const ModelConfig& config, Json& json) {
  const std::int64_t layer = turned_layer(config);
  json["rope_theta"] = at_layer(config.rope_theta, layer);
  json["rope_scaling"] = scaling_object(config, at_layer(config.rope_scaling, layer));
}

std::vector<HubField> two_rotary_fields() {
  return {hub_code("rope_theta", "base of the angles in layers without a window"),
          hub_code("rope_local_base_freq", "base of the angles in layers with a window"),
          hub_code("rope_scaling", "stretched positions in layers without a window: default, linear, llama3, yarn"),
          hub_code("rope_parameters", "all of these, as transformers 5 writes them")};
}

void read_two_rotaries(HubReader& reader, ModelConfig& config, const std::vector<bool>& sliding) {
  refuse_both(reader);
  const Otherwise full{number_if_any(reader, "rope_theta"), {}, 1e6, 1, config.sequence};
  const Otherwise local{number_if_any(reader, "rope_local_base_freq"), {}, 1e4, 1, config.sequence};
  Rotary of_full, of_sliding;
  if (says_something(reader, "rope_parameters")) {
    HubReader both = reader.object("rope_parameters");
    of_full = read_field(both, "full_attention", full, true);
    of_sliding = read_field(both, "sliding_attention", local, true);
    both.refuse_unread("rotary positions of two kinds of layers (full_attention and sliding_attention)");
  } else {
    // transformers overlooks the former name `type` here.
    of_full = read_field(reader, "rope_scaling", full, false);
    const Json nothing = Json::object();
    HubReader object(nothing, "");
    of_sliding = read_object(object, local, false);
  }
  for (const Rotary& each : {of_full, of_sliding}) {
    if (each.fraction != 1) reader.refuse("partial_rotary_factor must be 1: Gemma 3 rotates whole heads");
  }
  const bool full_scaled = of_full.scaling != RopeScaling::kNone,
             local_scaled = of_sliding.scaling != RopeScaling::kNone;
  if (full_scaled && local_scaled && !same_scaling(of_full, of_sliding)) {
    reader.refuse("rope_parameters", "both kinds of layers may be stretched only in the same way");
  }
  std::vector<double> thetas;
  std::vector<RopeScaling> scalings;
  for (const bool slides : sliding) {
    thetas.push_back(slides ? of_sliding.theta : of_full.theta);
    scalings.push_back(slides ? of_sliding.scaling : of_full.scaling);
  }
  config.rope_theta = shortest(thetas);
  config.rope_scaling = shortest(scalings);
  const bool full_used = shortest(sliding) != std::vector<bool>{true};
  const bool local_used = shortest(sliding) != std::vector<bool>{false};
  set_scaling(config, full_scaled && full_used ? of_full : (local_scaled && local_used ? of_sliding : Rotary{}));
}

void write_two_rotaries(const ModelConfig& config, Json& json) {
  // Kinds of layers that the model does not have keep the usual angles.
  double full = 1e6, local = 1e4;
  RopeScaling full_scaling = RopeScaling::kNone, local_scaling = RopeScaling::kNone;
  for (std::int64_t layer = config.layers - 1; layer >= 0; --layer) {
    const bool slides = at_layer(config.window, layer) != 0;
    (slides ? local : full) = at_layer(config.rope_theta, layer);
    (slides ? local_scaling : full_scaling) = at_layer(config.rope_scaling, layer);
  }
  if (local_scaling == RopeScaling::kNone) {
    json["rope_theta"] = full;
    json["rope_local_base_freq"] = local;
    json["rope_scaling"] = scaling_object(config, full_scaling);
    return;
  }
  // Only transformers 5 knows stretched positions in layers with a window.
  const auto object = [&](double theta, RopeScaling scaling) {
    Json kind = scaling_object(config, scaling);
    if (kind.is_null()) kind = {{"rope_type", "default"}};
    kind["rope_theta"] = theta;
    return kind;
  };
  json["rope_parameters"] = {{"full_attention", object(full, full_scaling)},
                             {"sliding_attention", object(local, local_scaling)}};
}

}  // namespace trireme::spec
