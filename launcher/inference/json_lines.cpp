#include "launcher/inference/json_lines.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "io/text/content_kind.hpp"
#include "io/text/json_scanner.hpp"
#include "io/text/text_source.hpp"
#include "io/text/utf8.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr std::string_view kSpace = " \t\r\n";

// The literal that begins `spelled`, with its quotes. `spelled` comes from a text that was scanned.
std::string_view leading_string(std::string_view spelled) {
  std::size_t end = 1;
  while (spelled[end] != '"') end += spelled[end] == '\\' ? 2 : 1;
  return spelled.substr(0, end + 1);
}

// The most brackets of `spelled`, a text that was scanned, that are open at a time.
std::size_t depth_of(std::string_view spelled) {
  std::size_t depth = 0, most = 0;
  for (std::size_t i = 0; i < spelled.size(); ++i) {
    const char c = spelled[i];
    if (c == '"') i += leading_string(spelled.substr(i)).size() - 1;
    if (c == '[' || c == '{') most = std::max(most, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return most;
}

std::string_view without_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

}  // namespace

void JsonLine::refuse(const std::string& why) const { throw base::InputError(place_ + ": " + why); }

const std::string* JsonLine::find(std::string_view name) const {
  const auto member = std::ranges::find(members_, name, &Member::name);
  return member == members_.end() || !member->there ? nullptr : &member->value;
}

const std::string& JsonLine::require(std::string_view name) const {
  const std::string* value = find(name);
  if (value == nullptr) refuse(str("there is no member \"", name, "\""));
  return *value;
}

std::string JsonLine::unescaped(std::string_view name, std::string_view spelled) const {
  std::string result;
  if (text::append_json_string(spelled.substr(1, spelled.size() - 2), result) > 0) {
    refuse(str("\"", name, "\" holds half of a surrogate pair (\\ud800 to \\udfff alone): no UTF-8 text has it"));
  }
  return result;
}

std::string JsonLine::text(std::string_view name) const {
  const std::string& value = require(name);
  if (!value.starts_with('"')) refuse(str("\"", name, "\" is not a string"));
  return unescaped(name, value);
}

std::vector<std::string> JsonLine::texts(std::string_view name) const {
  const std::string& value = require(name);
  const auto refuse_kind = [&] { refuse(str("\"", name, "\" is not a list of strings")); };
  if (!value.starts_with('[')) refuse_kind();
  std::vector<std::string> result;
  std::string_view rest = without_space(std::string_view(value).substr(1));
  while (rest.front() != ']') {
    if (rest.front() != '"') refuse_kind();
    const std::string_view literal = leading_string(rest);
    result.push_back(unescaped(name, literal));
    rest = without_space(rest.substr(literal.size()));
    if (rest.front() == ',') rest = without_space(rest.substr(1));
  }
  return result;
}

std::int64_t JsonLine::integer(std::string_view name) const {
  const std::string& value = require(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) refuse(str("\"", name, "\" is not a whole number"));
  return number;
}

std::string JsonLine::json(std::string_view name) const {
  const std::string* value = find(name);
  if (value == nullptr) return "";
  if (depth_of(*value) > kDeepest)
    refuse(str("\"", name, "\" has more than ", kDeepest, " brackets inside each other"));
  std::string json = text::strict_json(*value);
  // Strings hold no control characters, so these are between tokens.
  std::ranges::replace_if(
      json, [](char c) { return c == '\t' || c == '\r'; }, ' ');
  return json;
}

JsonLines::JsonLines(base::FileSystem& files, const std::string& path, std::vector<std::string_view> names)
    : name_(text::display_name(path)), names_(std::move(names)) {
  auto source = text::open_text_source(files, path, {}, text::ContentCheck::kCertain);
  if (source->peek(text::kUtf8Mark.size()) == text::kUtf8Mark) {
    char mark[text::kUtf8Mark.size()];
    source->read(mark, sizeof mark);
  }
  source_ = std::move(source);
}

bool JsonLines::read_line(std::string& line) {
  std::size_t searched = used_;
  for (;;) {
    const std::size_t newline = bytes_.find('\n', searched);
    const std::size_t end = newline == std::string::npos ? bytes_.size() : newline;
    if (end - used_ > kLongestLine) {
      throw base::InputError(str(name_, ":", number_ + 1, ": the line is longer than ", kLongestLine >> 20, " MiB"));
    }
    if (newline != std::string::npos || (ended_ && used_ < bytes_.size())) {
      line.assign(bytes_, used_, end - used_);
      used_ = std::min(end + 1, bytes_.size());
      ++number_;
      return true;
    }
    if (ended_) return false;
    bytes_.erase(0, used_);
    used_ = 0;
    searched = bytes_.size();
    const std::size_t wanted = std::max(std::size_t{1} << 16, searched);
    bytes_.resize(searched + wanted);
    const std::size_t got = source_->read(bytes_.data() + searched, wanted);
    bytes_.resize(searched + got);
    ended_ = got == 0;
  }
}

void JsonLines::parse(const std::string& text, JsonLine& line) const {
  if (text::find_malformed_utf8(text) != text.size()) line.refuse("the line is not valid UTF-8");
  line.members_.clear();
  for (const std::string_view name : names_) line.members_.push_back({name, "", false});
  std::string key;
  const text::JsonText kind = text::scan_json(text, [&](std::string_view spelled, std::string_view value) {
    key.clear();
    text::append_json_string(spelled, key);
    const auto member = std::ranges::find(line.members_, key, &JsonLine::Member::name);
    if (member == line.members_.end()) return;
    member->value = value;
    member->there = true;
  });
  if (kind == text::JsonText::kMalformed) line.refuse("the line is not valid JSON");
  if (kind != text::JsonText::kObject) line.refuse("the line is not a JSON object");
}

bool JsonLines::next(JsonLine& line) {
  std::string text;
  while (read_line(text)) {
    if (text.find_first_not_of(kSpace) == std::string::npos) continue;
    line.place_ = str(name_, ":", number_);
    parse(text, line);
    return true;
  }
  return false;
}

}  // namespace trireme::launcher
