// Whether a validation has anything to predict.
#pragma once

#include <cstdint>
#include <string>

#include "io/tokens/data_source.hpp"

namespace trireme::launcher {

/// Throws base::InputError unless one of the first `samples` (0: all) samples of `source`, which is read in order, has
/// a target: without one a validation would report a loss of 0, which beats every other. `key` ("data.valid") names the
/// option that chose the data. Reads until the first target, and nothing where no dataset has a loss mask or roles.
void require_targets(const tokens::DataSource& source, const std::string& key, std::int64_t samples);

}  // namespace trireme::launcher
