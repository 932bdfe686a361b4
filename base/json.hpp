// JSON as Trireme writes it: doubles with 17 significant digits, keys in insertion order.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace trireme::base {

using Json = nlohmann::ordered_json;

/// Formats with "%.17g", not the shortest form that reads back: logs always have 17 digits. Non-finite values become
/// the strings "nan", "inf" and "-inf".
std::string format_double(double value);

/// Returns the whole number that `value` holds. Throws base::Error for anything else: a fraction, or a number too large
/// for 64 bits (1e99, whose conversion would be undefined).
std::int64_t whole_number(const Json& value);

/// One line, no spaces after separators, doubles by format_double.
std::string to_line(const Json& value);

}  // namespace trireme::base
