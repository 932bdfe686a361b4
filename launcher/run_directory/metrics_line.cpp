#include "launcher/run_directory/metrics_line.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace trireme::launcher {
namespace {

// Reads on in a text; every function is false where the text goes on otherwise.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const { return at_ == end_; }
  bool sign(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  // "name" of plain letters.
  bool name(std::string_view& name) {
    if (!sign('"')) return false;
    const char* begin = at_;
    while (at_ != end_ && ((*at_ >= 'a' && *at_ <= 'z') || *at_ == '_')) ++at_;
    name = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
    return sign('"');
  }
  bool whole_number(std::int64_t& value) {
    const auto [stopped, error] = std::from_chars(at_, end_, value);
    const bool plain = error == std::errc() && *at_ != '-' && (*at_ != '0' || stopped == at_ + 1);
    at_ = stopped;
    return plain && at_ != end_ && (*at_ == ',' || *at_ == '}');
  }
  // Takes a number as JSON has it: -12.5e+3, and no 012.
  bool number() {
    sign('-');
    if (!sign('0') && !digits()) return false;
    if (sign('.') && !digits()) return false;
    if (!sign('e') && !sign('E')) return true;
    if (!sign('+')) sign('-');
    return digits();
  }

 private:
  bool digits() {
    const char* begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != begin;
  }

  const char* at_;
  const char* end_;
};

std::optional<MetricsLine> read_own(std::string_view text) {
  Cursor cursor(text);
  MetricsLine line;
  std::string_view name;
  if (!cursor.sign('{') || !cursor.name(name) || name != "step" || !cursor.sign(':')) return std::nullopt;
  if (!cursor.whole_number(line.step)) return std::nullopt;
  while (cursor.sign(',')) {
    if (!cursor.name(name) || !cursor.sign(':') || !cursor.number()) return std::nullopt;
    line.validated = line.validated || name == "valid_loss";
  }
  return cursor.sign('}') && cursor.at_end() ? std::optional(line) : std::nullopt;
}

bool is_number_character(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// The text with null for what is no finite number, outside strings.
std::string with_nulls(std::string_view text) {
  std::string result;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (quoted) {
      const std::size_t length = c == '\\' && i + 1 < text.size() ? 2 : 1;
      result += text.substr(i, length);
      i += length;
      quoted = c != '"';
      continue;
    }
    const std::string_view rest = text.substr(i);
    std::size_t length = 0;
    for (const std::string_view word : {std::string_view("NaN"), std::string_view("-NaN"), std::string_view("Infinity"),
                                        std::string_view("-Infinity")}) {
      if (rest.starts_with(word)) length = word.size();
    }
    if (length == 0 && is_number_character(c)) {
      std::size_t end = 0;
      while (end < rest.size() && is_number_character(rest[end])) ++end;
      if (std::isinf(std::strtod(std::string(rest.substr(0, end)).c_str(), nullptr))) {
        length = end;
      } else {
        result += rest.substr(0, end);
        i += end;
        continue;
      }
    }
    if (length > 0) {
      result += "null";
      i += length;
    } else {
      quoted = c == '"';
      result += c;
      ++i;
    }
  }
  return result;
}

}  // namespace

base::Json parse_metrics_line(std::string_view text) {
  const base::Json json = base::Json::parse(text, nullptr, false);
  return json.is_discarded() ? base::Json::parse(with_nulls(text), nullptr, false) : json;
}

std::optional<MetricsLine> read_metrics_line(std::string_view text) {
  if (const auto own = read_own(text)) return own;
  const base::Json json = parse_metrics_line(text);
  if (!json.is_object()) return std::nullopt;
  for (const char* name : {"step", "saved_step"}) {
    const auto found = json.find(name);
    if (found == json.end()) continue;
    if (!found->is_number_integer()) return std::nullopt;
    return MetricsLine{found->get<std::int64_t>(), json.contains("valid_loss")};
  }
  return std::nullopt;
}

}  // namespace trireme::launcher
