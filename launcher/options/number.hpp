// Parses and formats numbers as options write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace trireme::options {

/// Parses "42", "-3", and also "3e9" or "1.5e3" when that is a whole number of at most 2^53. Nothing for any other
/// text.
std::optional<std::int64_t> parse_integer(const std::string& text);
/// Parses a finite decimal number that is the whole text. Nothing for any other text.
std::optional<double> parse_number(const std::string& text);
/// The shortest text that parse_number reads back to the same value: 0.1, 1e-05, 3.
std::string format_number(double value);
/// "1 to 8", "at least 1", "at most 8", "any number".
std::string range_text(double low, double high);

}  // namespace trireme::options
