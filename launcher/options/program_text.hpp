// The texts of a [program] section: its parameters, and its command with their values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Names and values in the order given.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Whether `name` can be a parameter's: a letter or '_', then letters, digits and '_'.
bool is_parameter_name(const std::string& name);

/// Splits program.params, `lr = 3e-4, data = "a, b.txt"`, into names and values. Throws base::InputError for an item
/// without '=', a name that cannot be one, and a name that is given twice.
Parameters parse_parameters(const std::string& text);

/// Writes program.params, so that parse_parameters() reads back the same. A value must hold no line break.
std::string parameters_text(const Parameters& parameters);

/// The command with `{name}` replaced by the parameter's value, which is quoted for the shell: `train.py --lr {lr}`
/// with lr = 3e-4 is `train.py --lr 3e-4`. `${name}` is the shell's own; `{{` and `}}` stand for one brace; braces
/// around anything else than a name stay. Throws base::InputError for a name without a parameter.
std::string expand_command(const std::string& command, const Parameters& parameters);

/// The command of a run, with the values of its parameters. Throws base::InputError as the two functions above.
std::string program_command(const ProgramSection& program);

}  // namespace trireme::options
