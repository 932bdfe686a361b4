#include "launcher/options/key_table.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/help_text.hpp"
#include "launcher/options/number.hpp"
#include "models/spec/words.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

template <typename>
inline constexpr bool kIsOptional = false;
template <typename Value>
inline constexpr bool kIsOptional<std::optional<Value>> = true;

template <typename Value>
struct Inner {
  using type = Value;
};
template <typename Value>
struct Inner<std::optional<Value>> {
  using type = Value;
};

/// The elements of a list, and whether it is one.
template <typename Value>
struct Element {
  using type = Value;
  static constexpr bool kIsList = false;
};
template <typename Value>
struct Element<std::vector<Value>> {
  using type = Value;
  static constexpr bool kIsList = true;
};

std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(double value) { return format_number(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
template <typename Choice>
requires std::is_enum_v<Choice> std::string text_of(Choice value) { return spec::word_of(value); }
template <typename Value>
std::string text_of(const std::vector<Value>& values) {
  std::vector<std::string> texts;
  for (const Value& value : values) texts.push_back(text_of(value));
  return base::join(texts, ", ");
}

void check_range(const Key& key, double value) {
  const bool above = key.low_excluded ? value > key.low : value >= key.low;
  const bool below = key.high_excluded ? value < key.high : value <= key.high;
  if (above && below) return;
  throw InputError(str(key.path(), " = ", format_number(value), ", allowed: ", range_of(key)));
}

const char* hint_of(const std::string& text) {
  return text.find('#') == std::string::npos ? "" : " (a comment begins with a space and '#')";
}

std::int64_t integer_of(const Key& key, const std::string& text) {
  const std::optional<std::int64_t> value = parse_integer(text);
  if (!value) throw InputError(str(key.path(), " needs a whole number, not '", text, "'", hint_of(text)));
  check_range(key, static_cast<double>(*value));
  return *value;
}

double number_of(const Key& key, const std::string& text) {
  const std::optional<double> value = parse_number(text);
  if (!value) throw InputError(str(key.path(), " needs a number, not '", text, "'", hint_of(text)));
  check_range(key, *value);
  return *value;
}

bool truth_of(const Key& key, const std::string& text) {
  for (const char* word : {"true", "on", "yes", "1"}) {
    if (text == word) return true;
  }
  for (const char* word : {"false", "off", "no", "0"}) {
    if (text == word) return false;
  }
  throw InputError(str(key.path(), " needs true or false, not '", text, "'", hint_of(text)));
}

std::string word_of(const Key& key, const std::string& text) {
  if (text.find_first_of("\n\r") != std::string::npos) {
    throw InputError(str(key.path(), " holds a line break, which a run file cannot store: choose another name"));
  }
  if (holds_quotes(key) && !base::ini_holds(text)) {
    throw InputError(str(key.path(), " = ", text,
                         " begins or ends with white space, or holds a '#' that would begin a ",
                         "comment: put the name that holds it into double quotes"));
  }
  return text;
}

// Integer keys may also list the allowed words (zero: 0, 1).
void check_allowed(const Key& key, const std::string& text) {
  if (key.allowed.empty() || std::count(key.allowed.begin(), key.allowed.end(), text) > 0) return;
  const std::string near = base::nearest(text, key.allowed);
  throw InputError(str(key.path(), " = ", text, " is not known", near.empty() ? "" : ", did you mean " + near + "?",
                       " (allowed: ", base::join(key.allowed, ", "), ")"));
}

template <typename Value>
Value parsed(const Key& key, const std::string& text) {
  if constexpr (Element<Value>::kIsList) {
    if (text.empty()) throw InputError(str(key.path(), " needs at least one value"));
    Value values;
    for (const std::string& each : base::split(text, ',')) {
      values.push_back(parsed<typename Element<Value>::type>(key, each));
    }
    return values;
  } else {
    check_allowed(key, text);
    if constexpr (std::is_same_v<Value, std::int64_t>) {
      return integer_of(key, text);
    } else if constexpr (std::is_same_v<Value, double>) {
      return number_of(key, text);
    } else if constexpr (std::is_same_v<Value, bool>) {
      return truth_of(key, text);
    } else if constexpr (std::is_enum_v<Value>) {
      return *spec::choice_of<Value>(text);
    } else {
      return word_of(key, text);
    }
  }
}

}  // namespace

bool holds_quotes(const Key& key) {
  const std::string path = key.path();
  return path == "data.train" || path == "data.valid" || path == "checkpoint.allow" || path == "slurm.extra" ||
         path == "slurm.gpu_request" || path == "program.command" || path == "program.params";
}

Key find_key(const std::string& path) {
  if (path.starts_with(kGroupPrefix)) return find_group_key(path);
  const std::vector<Key>& table = key_table();
  for (const Key& key : table) {
    if (key.path() == path) return key;
  }
  const std::size_t dot = path.find('.');
  const std::string section = path.substr(0, dot);
  std::vector<std::string> sections, siblings, paths, same_name;
  for (const Key& key : table) {
    if (sections.empty() || sections.back() != key.section) sections.push_back(key.section);
    if (key.section == section) siblings.push_back(key.path());
    paths.push_back(key.path());
    if (dot != std::string::npos && key.name == path.substr(dot + 1)) same_name.push_back(key.path());
  }
  if (dot != std::string::npos && siblings.empty() && same_name.empty()) {
    const std::string near = base::nearest(section, sections);
    throw InputError(str("unknown section ", section, " (", path, ")",
                         near.empty() ? "" : ", did you mean " + near + "?", " (sections: ", base::join(sections, ", "),
                         ")"));
  }
  std::string near = base::nearest(path, siblings);
  if (near.empty() && !same_name.empty()) near = same_name.front();
  if (near.empty()) near = base::nearest(path, paths);
  if (!near.empty()) throw InputError(str("unknown key ", path, ", did you mean ", near, "?"));
  std::vector<std::string>& known = siblings.empty() ? sections : siblings;
  throw InputError(
      str("unknown key ", path, " (", siblings.empty() ? "sections" : "known", ": ", base::join(known, ", "), ")"));
}

void set_value(RunOptions& options, const Key& key, const std::string& text) {
  std::visit(
      [&](const auto& field) {
        auto& target = field(options);
        using Value = typename Inner<std::remove_reference_t<decltype(target)>>::type;
        if constexpr (kIsOptional<std::remove_cvref_t<decltype(target)>>) {
          if (text == "auto") {
            target.reset();
            return;
          }
        }
        target = parsed<Value>(key, text);
      },
      key.field);
}

std::optional<std::string> value_of(const RunOptions& options, const Key& key) {
  if (!has_group(options, key)) return std::nullopt;
  auto& readable = const_cast<RunOptions&>(options);  // the accessors return references for writing too
  return std::visit(
      [&](const auto& field) -> std::optional<std::string> {
        const auto& value = field(readable);
        using Value = std::remove_cvref_t<decltype(value)>;
        if constexpr (kIsOptional<Value>) {
          return value ? std::optional(text_of(*value)) : std::nullopt;
        } else if constexpr (std::is_same_v<Value, std::string>) {
          return value.empty() ? std::nullopt : std::optional(value);
        } else {
          return text_of(value);
        }
      },
      key.field);
}

std::string default_of(const Key& key) {
  if (!key.default_words.empty()) return key.default_words;
  RunOptions defaults;
  if (!has_group(defaults, key)) defaults.groups.push_back({key.section.substr(std::string(kGroupPrefix).size())});
  return value_of(defaults, key).value_or("-");
}

std::string value_name_of(const Key& key) {
  return std::visit(
      [&](const auto& field) -> std::string {
        using Value = typename Inner<std::remove_reference_t<decltype(field(std::declval<RunOptions&>()))>>::type;
        using One = typename Element<Value>::type;
        const char* more = Element<Value>::kIsList ? ",…" : "";
        if (!key.allowed.empty()) return base::join(key.allowed, "|") + more;
        if constexpr (std::is_same_v<One, std::int64_t>) return base::str("N", more);
        if constexpr (std::is_same_v<One, double>) return base::str("X", more);
        if constexpr (std::is_same_v<One, bool>) return "true|false";
        return "TEXT";
      },
      key.field);
}

std::string range_of(const Key& key) {
  if (!key.allowed.empty()) return "";
  const std::string high = std::isfinite(key.high) ? format_number(key.high) : "";
  if (key.low_excluded) {
    const std::string above = "above " + format_number(key.low);
    return high.empty() ? above : str(above, key.high_excluded ? ", below " : ", at most ", high);
  }
  if (key.high_excluded) return str(format_number(key.low), " to below ", high);
  const std::string text = range_text(key.low, key.high);
  return text == "any number" ? "" : text;
}

}  // namespace trireme::options
