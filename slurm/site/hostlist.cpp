#include "slurm/site/hostlist.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace trireme::slurm {
namespace {

constexpr std::size_t kMostNames = 1'000'000;

// Commas inside brackets do not separate.
std::vector<std::string> split_outside_brackets(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::erase(parts, "");
  return parts;
}

std::optional<std::int64_t> number(const std::string& digits) {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stopped != end || value < 0) return std::nullopt;
  return value;
}

// "01-03" becomes 01, 02, 03 and "7" becomes 7; nothing for any other text.
std::optional<std::vector<std::string>> expand_range(const std::string& range) {
  const std::size_t dash = range.find('-');
  const std::string low_text = range.substr(0, dash);
  const auto low = number(low_text);
  const auto high = dash == std::string::npos ? low : number(range.substr(dash + 1));
  if (!low || !high || *high < *low || *high - *low >= static_cast<std::int64_t>(kMostNames)) return std::nullopt;
  std::vector<std::string> values;
  for (std::int64_t value = *low; value <= *high; ++value) {
    std::string digits = std::to_string(value);
    if (digits.size() < low_text.size()) digits.insert(0, low_text.size() - digits.size(), '0');
    values.push_back(std::move(digits));
  }
  return values;
}

std::vector<std::string> expand_one(const std::string& word) {
  const std::size_t open = word.find('[');
  if (open == std::string::npos) return {word};
  const std::size_t close = word.find(']', open);
  if (close == std::string::npos) return {word};
  std::vector<std::string> names;
  const std::vector<std::string> tails = expand_one(word.substr(close + 1));
  for (const std::string& range : split_outside_brackets(word.substr(open + 1, close - open - 1))) {
    const auto values = expand_range(range);
    if (!values || names.size() + values->size() * tails.size() > kMostNames) return {word};
    for (const std::string& value : *values) {
      for (const std::string& tail : tails) names.push_back(word.substr(0, open) + value + tail);
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> expand_hostlist(const std::string& text) {
  std::vector<std::string> names;
  if (text == "(null)") return names;
  for (const std::string& word : split_outside_brackets(text)) {
    for (std::string& name : expand_one(word)) {
      if (names.size() == kMostNames) return names;
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<std::string> sorted_hosts(const std::string& text) {
  std::vector<std::string> names = expand_hostlist(text);
  std::sort(names.begin(), names.end());
  return names;
}

bool share_a_host(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) return true;
    if (*x < *y) {
      ++x;
    } else {
      ++y;
    }
  }
  return false;
}

}  // namespace trireme::slurm
