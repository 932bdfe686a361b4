#include "slurm/site/slurm_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>

#include "base/words.hpp"

namespace trireme::slurm {
namespace {

std::string without_null(const std::string& value) { return value == "(null)" ? "" : value; }

}  // namespace

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Fields parse_config(const std::string& text) {
  Fields fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = base::trimmed(line.substr(0, equals));
    if (!key.empty()) fields.emplace(key, without_null(base::trimmed(line.substr(equals + 1))));
  }
  return fields;
}

std::vector<Fields> parse_records(const std::string& text, const std::string& first_key) {
  std::vector<Fields> records;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = word.substr(0, equals);
    if (key == first_key) records.emplace_back();
    if (!records.empty()) records.back().emplace(key, without_null(word.substr(equals + 1)));
  }
  return records;
}

std::string field(const Fields& fields, const std::string& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? "" : found->second;
}

std::optional<std::int64_t> leading_number(const std::string& text) {
  std::int64_t value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stopped == text.data() || value < 0) return std::nullopt;
  return value;
}

}  // namespace trireme::slurm
