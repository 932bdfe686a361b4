// Rotary positions in a config.json: rope_theta and rope_scaling, as transformers 4 writes them, or rope_parameters, as
// transformers 5 does.
#pragma once

#include <optional>
#include <vector>

#include "models/spec/families/hub_fields.hpp"

namespace trireme::spec {

/// The rows of the fields that read_rotary() reads in a class that rotates whole heads.
std::vector<HubField> rotary_fields();

/// Reads rope_theta, rope_scaling, rope_parameters and partial_rotary_factor into the rope_* keys. `config.sequence`
/// must be set. `theta` and `fraction` count where no field says them; without `fraction` the class rotates whole
/// heads. Supported: default, linear, llama3 and yarn. The same thing said twice must be the same.
void read_rotary(HubReader& reader, ModelConfig& config, double theta = 10000,
                 const std::optional<double>& fraction = std::nullopt);
/// The first layer's angles, as rope_theta and rope_scaling.
void write_rotary(const ModelConfig& config, base::Json& json);

/// Gemma 3's two kinds of layers. `sliding` says which layers have a window.
std::vector<HubField> two_rotary_fields();
void read_two_rotaries(HubReader& reader, ModelConfig& config, const std::vector<bool>& sliding);
void write_two_rotaries(const ModelConfig& config, base::Json& json);

}  // namespace trireme::spec
