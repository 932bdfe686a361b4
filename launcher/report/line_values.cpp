#include "launcher/report/line_values.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

// How our own lines write what is not finite (base::format_double).
bool is_no_number(std::string_view text) { return text == "nan" || text == "inf" || text == "-inf"; }

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

struct LineValues::Parser {
  simdjson::dom::parser parser;
};

LineValues::LineValues(std::size_t most_fields) : parser_(std::make_unique<Parser>()), most_fields_(most_fields) {}
LineValues::~LineValues() = default;

std::size_t LineValues::padding() { return simdjson::SIMDJSON_PADDING; }

bool LineValues::read(std::string_view line) {
  const std::size_t dropped = dropped_;
  if (read_fast(line)) return true;
  dropped_ = dropped;
  return read_slowly(line);
}

void LineValues::take(std::string_view name, double number) {
  std::size_t field = expected_;
  if (field >= fields_.size() || fields_[field] != name) {
    field = static_cast<std::size_t>(std::ranges::find(fields_, name) - fields_.begin());
    if (field == fields_.size()) {
      if (field == most_fields_) {
        ++dropped_;
        return;
      }
      fields_.emplace_back(name);
    }
  }
  expected_ = field + 1;
  values_.push_back({field, std::isfinite(number) ? number : kNone});
}

void LineValues::take_text(std::string_view name, std::string_view text) {
  if (is_no_number(text)) {
    take(name, kNone);
  } else {
    has_text_ = true;
  }
}

// False for any error. The parser of whole documents is used, since it is the one that chooses its code by the CPU that
// it runs on.
bool LineValues::read_fast(std::string_view line) {
  values_.clear();
  expected_ = 0;
  has_text_ = false;
  simdjson::dom::object object;
  if (parser_->parser.parse(line.data(), line.size(), false).get_object().get(object) != simdjson::SUCCESS)
    return false;
  for (const auto& [name, value] : object) {
    switch (value.type()) {
      case simdjson::dom::element_type::DOUBLE:
      case simdjson::dom::element_type::INT64:
      case simdjson::dom::element_type::UINT64: take(name, value.get_double().value_unsafe()); break;
      case simdjson::dom::element_type::NULL_VALUE: take(name, kNone); break;
      case simdjson::dom::element_type::STRING: take_text(name, value.get_string().value_unsafe()); break;
      default: break;
    }
  }
  return true;
}

bool LineValues::read_slowly(std::string_view line) {
  values_.clear();
  expected_ = 0;
  has_text_ = false;
  const base::Json json = parse_metrics_line(line);
  if (!json.is_object()) return false;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) take(name, value.get<double>());
    if (value.is_null()) take(name, kNone);
    if (value.is_string()) take_text(name, value.get_ref<const std::string&>());
  }
  return true;
}

}  // namespace trireme::launcher
