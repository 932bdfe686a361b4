// The keys of the [model] section.
#pragma once

#include <vector>

#include "launcher/options/key_table.hpp"

namespace trireme::options {

/// Appends them: preset, init_from and arch, then every property of models/spec/properties.hpp.
void add_model_keys(std::vector<Key>& keys);

}  // namespace trireme::options
