#include "launcher/sweep/domain.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "launcher/options/number.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

// A range of more values than this is a slip of the pen.
constexpr double kMostValues = 100'000;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string rounded(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return options::format_number(options::parse_number(text).value_or(value));
}

double number_of(const std::string& parameter, const std::string& word) {
  const auto number = options::parse_number(word);
  if (!number) throw InputError(str("[sweep] ", parameter, " needs a number, not '", word, "'"));
  return *number;
}

std::vector<double> numbers_after(const std::string& parameter, const std::vector<std::string>& words,
                                  std::size_t count, const char* example) {
  if (words.size() != count + 1) {
    throw InputError(str("[sweep] ", parameter, ": ", words[0], " takes ", count, " numbers, as in: ", example));
  }
  std::vector<double> numbers;
  for (std::size_t i = 1; i < words.size(); ++i) numbers.push_back(number_of(parameter, words[i]));
  return numbers;
}

bool is_integer(const std::string& word) { return options::parse_integer(word).has_value(); }

// "1", not "1.0" or "1e3", which are integers only where nothing else is possible.
bool is_written_as_integer(const std::string& word) {
  return word.find_first_not_of("0123456789-") == std::string::npos && is_integer(word);
}

std::vector<std::string> range_values(const std::string& parameter, const std::vector<std::string>& words) {
  const auto ends = numbers_after(parameter, words, 3, "range 1 5 2");
  const double steps = (ends[1] - ends[0]) / ends[2];
  if (!(ends[2] != 0 && steps >= 0 && steps < kMostValues)) {
    throw InputError(str("[sweep] ", parameter, ": a range from ", words[1], " to ", words[2], " in steps of ",
                         words[3], " is empty, or has more than 100,000 values"));
  }
  constexpr double kRounding = 1e-9;  // 0.1 to 0.5 by 0.1 is five values
  constexpr int kDigits = 12;
  std::vector<std::string> values;
  for (int i = 0; i <= std::floor(steps + kRounding); ++i) values.push_back(rounded(ends[0] + i * ends[2], kDigits));
  return values;
}

std::vector<std::string> list_values(const std::string& parameter, const std::string& text) {
  std::vector<std::string> values;
  for (const base::ListItem& item : base::split_list(text)) {
    if (!item.rest.empty()) {
      throw InputError(str("[sweep] ", parameter, ": a comma is missing after \"", item.name, "\""));
    }
    if (item.name.empty() && !item.quoted) throw InputError(str("[sweep] ", parameter, " has an empty value: ", text));
    if (std::ranges::count(values, item.name) > 0) {
      throw InputError(str("[sweep] ", parameter, " names the value ", item.name, " twice"));
    }
    values.push_back(item.name);
  }
  return values;
}

}  // namespace

Domain Domain::parse(const std::string& parameter, const std::string& text, NumberKind kind) {
  Domain domain;
  const std::vector<std::string> words = words_of(text);
  if (words.empty()) throw InputError(str("[sweep] ", parameter, " has no values: name some, as in 8, 16"));
  if (words[0] == "range" && words.size() > 1) {
    domain.values_ = range_values(parameter, words);
    return domain;
  }
  if (words[0] != "uniform" && words[0] != "loguniform") {
    const bool choice = words[0] == "choice" && words.size() > 1;
    domain.values_ = list_values(parameter, choice ? text.substr(text.find("choice") + 6) : text);
    return domain;
  }
  domain.logarithmic_ = words[0] == "loguniform";
  const auto ends = numbers_after(parameter, words, 2, domain.logarithmic_ ? "loguniform 1e-4 1e-2" : "uniform 0 1");
  domain.low_ = ends[0];
  domain.high_ = ends[1];
  if (kind == NumberKind::kInteger && !(is_integer(words[1]) && is_integer(words[2]))) {
    throw InputError(str("[sweep] ", parameter, " holds whole numbers: ", text, " has an end that is none"));
  }
  const bool written = is_written_as_integer(words[1]) && is_written_as_integer(words[2]);
  domain.integer_ = kind == NumberKind::kInteger || (kind == NumberKind::kByText && written);
  if (!(ends[0] < ends[1])) throw InputError(str("[sweep] ", parameter, ": ", text, " needs the lower end first"));
  if (domain.logarithmic_ && ends[0] <= 0) {
    throw InputError(str("[sweep] ", parameter, ": loguniform needs ends above 0, not ", words[1]));
  }
  return domain;
}

std::string Domain::at(double place) const {
  if (is_list()) {
    const auto index = static_cast<std::size_t>(place * static_cast<double>(values_.size()));
    return values_[std::min(index, values_.size() - 1)];
  }
  const double high = high_ + (integer_ ? 1 : 0);
  const double value = logarithmic_ ? low_ * std::pow(high / low_, place) : low_ + place * (high - low_);
  if (integer_) {
    return std::to_string(static_cast<std::int64_t>(std::clamp(std::floor(value), low_, high_)));
  }
  constexpr int kDigits = 6;
  return rounded(std::clamp(value, low_, high_), kDigits);
}

}  // namespace trireme::launcher
