// JSON as Trireme writes it: doubles with 17 significant digits, keys in insertion order.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace trireme::base {

using Json = nlohmann::ordered_json;

/// Shortest form that reads back to the same bits is not wanted in logs: exactly "%.17g" (finite values only;
/// non-finite become the strings "nan", "inf", "-inf").
std::string format_double(double value);

/// The whole number that `value` is. Throws base::Error when it is anything else: a fraction, or too large for 64 bits
/// (1e99, whose conversion would be undefined).
std::int64_t whole_number(const Json& value);

/// One line, no spaces after separators, doubles by format_double.
std::string to_line(const Json& value);

}  // namespace trireme::base
