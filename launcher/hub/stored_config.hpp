// The model of a checkpoint, from the run file that it stores.
#pragma once

#include <string>

#include "launcher/options/run_options.hpp"
#include "models/spec/config.hpp"

namespace trireme::launcher {

/// `run_file` is Manifest::options, of this version or an earlier one; `origin` names it in messages. Throws
/// base::InputError when it describes no model.
spec::ModelConfig stored_config(const std::string& run_file, const std::string& origin);

}  // namespace trireme::launcher
