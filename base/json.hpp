// JSON as Trireme writes it: doubles with 17 significant digits, keys in insertion order.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace trireme::base {

using Json = nlohmann::ordered_json;

/// Shortest form that reads back to the same bits is not wanted in logs: exactly "%.17g" (finite values only;
/// non-finite become the strings "nan", "inf", "-inf").
std::string format_double(double value);

/// One line, no spaces after separators, doubles by format_double.
std::string to_line(const Json& value);

}  // namespace trireme::base
