#include "base/json.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

#include "base/error.hpp"

namespace trireme::base {

std::string format_double(double value) {
  if (std::isnan(value)) return "\"nan\"";
  if (std::isinf(value)) return value > 0 ? "\"inf\"" : "\"-inf\"";
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  std::string result = text;
  if (result.find_first_of(".en") == std::string::npos) result += ".0";
  return result;
}

std::int64_t whole_number(const Json& value) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  if (!fits) throw Error(str(value.is_number() ? value.dump() : value.type_name(), " is no whole number of 64 bits"));
  return value.get<std::int64_t>();
}

std::string to_line(const Json& value) {
  if (value.is_object()) {
    std::string line = "{";
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (line.size() > 1) line += ',';
      line += Json(it.key()).dump(-1, ' ', false, Json::error_handler_t::replace) + ':' + to_line(it.value());
    }
    return line + '}';
  }
  if (value.is_array()) {
    std::string line = "[";
    for (const auto& item : value) {
      if (line.size() > 1) line += ',';
      line += to_line(item);
    }
    return line + ']';
  }
  if (value.is_number_float()) return format_double(value.get<double>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace trireme::base
