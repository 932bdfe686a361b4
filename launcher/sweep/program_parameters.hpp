// The parameters of a [program] run: names without a dot, which stand in program.params ("lr = 0.1, layers = 3") and as
// {name} in program.command.
#pragma once

#include <optional>
#include <string>

#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

/// Whether the program of the run knows a parameter `name`.
bool takes_parameter(const options::RunOptions& options, const std::string& name);

/// The value of a run key ("optimizer.lr") or of a program's parameter ("lr") in a run file; nothing when it has none.
std::optional<std::string> base_value(const options::RunOptions& options, const std::string& name);

/// Sets a run key or a program's parameter. Throws base::InputError as options::set_value() does.
void set_parameter(options::RunOptions& options, const std::string& name, const std::string& value);

}  // namespace trireme::launcher
