#include "base/ini.hpp"

#include <optional>
#include <sstream>
#include <string_view>

#include "base/error.hpp"
#include "base/words.hpp"

namespace trireme::base {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// Returns the end of the quoted part that begins at `at`; nothing when it is not closed. Inside double quotes a
/// backslash escapes the next character.
std::optional<std::size_t> end_of_quotes(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == quote) return i + 1;
    if (text[i] == '\\' && quote == '"') ++i;
  }
  return std::nullopt;
}

bool opens_quotes(std::string_view text, std::size_t at) {
  constexpr std::string_view kBefore = " \t=,:(";
  return (text[at] == '"' || text[at] == '\'') && kBefore.find(text[at - 1]) != std::string_view::npos;
}

std::string_view without_comment(std::string_view line) {
  const std::size_t equals = line.find('=');
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '#' && (at == 0 || is_blank(line[at - 1]))) return line.substr(0, at);
    if (equals >= at || !opens_quotes(line, at)) continue;
    if (const auto end = end_of_quotes(line, at)) at = *end - 1;
  }
  return line;
}

/// The text between the double quotes that enclose `text`, with escapes resolved.
std::string unescaped(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const bool escape = text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\') && i + 2 < text.size();
    value += text[escape ? ++i : i];
  }
  return value;
}

ListItem item_of(std::string_view text) {
  const auto end = text.starts_with('"') ? end_of_quotes(text, 0) : std::nullopt;
  if (!end) return {std::string(text), "", false};
  return {unescaped(text.substr(0, *end)), trimmed(text.substr(*end)), true};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_ini(const std::string& text, const std::string& origin) {
  std::vector<std::pair<std::string, std::string>> values;
  std::string prefix;
  std::istringstream lines(text);
  int number = 0;
  for (std::string whole; std::getline(lines, whole);) {
    ++number;
    const std::string line = trimmed(without_comment(whole));
    const std::size_t equals = line.find('=');
    if (line.empty()) continue;
    if (line.size() > 2 && line.front() == '[' && line.back() == ']') {
      prefix = trimmed(line.substr(1, line.size() - 2)) + ".";
    } else if (equals != std::string_view::npos && equals > 0) {
      values.emplace_back(prefix + trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
    } else {
      throw InputError(
          str(origin, ": line ", number, " is '", line, "', but lines are [section], key = value, or # comment"));
    }
  }
  return values;
}

bool ini_holds(const std::string& value) {
  if (value.find_first_of("\n\r") != std::string::npos) return false;
  return trimmed(without_comment("key = " + value).substr(5)) == value;
}

std::string ini_unquoted(const std::string& value) {
  if (!value.starts_with('"') || end_of_quotes(value, 0) != value.size()) return value;
  return unescaped(value);
}

std::string ini_quoted(const std::string& value) {
  // A quote left open in the value would be closed by one in a comment behind it.
  const std::string before_comment = "key = " + value + " # \"'";
  const bool closed = trimmed(without_comment(before_comment)).size() < before_comment.size();
  if (ini_holds(value) && closed && ini_unquoted(value) == value) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

std::vector<ListItem> split_list(const std::string& text) {
  std::vector<ListItem> items;
  const std::string_view all = text;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= all.size(); ++at) {
    if (at < all.size() && all[at] == '"' && trimmed(all.substr(begin, at - begin)).empty()) {
      if (const auto end = end_of_quotes(all, at)) at = *end - 1;
    } else if (at == all.size() || all[at] == ',') {
      items.push_back(item_of(trimmed(all.substr(begin, at - begin))));
      begin = at + 1;
    }
  }
  return items;
}

}  // namespace trireme::base
