// Values as text: str(), repr(), json.dumps().
#include <algorithm>
#include <utility>

#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

void check_depth(std::uint32_t depth) {
  if (depth > Limits::kValues) throw Failure("a value holds lists or dictionaries too deeply inside each other");
}

// Writes repr(value) behind `out`.
class Repr {
 public:
  Repr(Budget& budget, std::string& out) : budget_(budget), out_(out) {}

  void write(const Value& value, std::uint32_t depth) {
    check_depth(depth);
    budget_.steps(1);
    const std::size_t before = out_.size();
    switch (value.kind()) {
      case Kind::kUndefined: out_ += "Undefined"; break;
      case Kind::kNone: out_ += "None"; break;
      case Kind::kBool: out_ += value.boolean() ? "True" : "False"; break;
      case Kind::kInt: out_ += std::to_string(value.integer()); break;
      case Kind::kFloat: out_ += float_text(value.floating()); break;
      case Kind::kString:
        if (value.as_string().markup) out_ += "Markup(";
        out_ += repr_text(value.text());
        if (value.as_string().markup) out_ += ')';
        break;
      case Kind::kList: sequence(value.sequence().items, "[", "]", depth); return;
      case Kind::kTuple: {
        const auto& items = value.sequence().items;
        sequence(items, "(", items.size() == 1 ? ",)" : ")", depth);
        return;
      }
      case Kind::kDict: dict(value.dict().items, depth); return;
      case Kind::kNamespace: names(value.names(), depth); return;
      case Kind::kRange: range(value.range()); break;
      default: throw Failure("a value of type " + type_name(value) + " cannot be written");
    }
    budget_.bytes(out_.size() - before);
  }

 private:
  void sequence(const std::vector<Value>& items, const char* open, const char* close, std::uint32_t depth) {
    out_ += open;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(items[i], depth + 1);
    }
    out_ += close;
  }

  void dict(const std::vector<std::pair<Value, Value>>& items, std::uint32_t depth) {
    out_ += '{';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(items[i].first, depth + 1);
      out_ += ": ";
      write(items[i].second, depth + 1);
    }
    out_ += '}';
  }

  void names(const Namespace& space, std::uint32_t depth) {
    out_ += "<Namespace {";
    for (std::size_t i = 0; i < space.items.size(); ++i) {
      out_ += (i > 0 ? ", " : "") + repr_text(space.items[i].first) + ": ";
      write(space.items[i].second, depth + 1);
    }
    out_ += "}>";
  }

  void range(const Range& range) {
    out_ += "range(" + std::to_string(range.start) + ", " + std::to_string(range.start + range.count * range.step);
    if (range.step != 1) out_ += ", " + std::to_string(range.step);
    out_ += ')';
  }

  Budget& budget_;
  std::string& out_;
};

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget, std::string& out) : style_(style), budget_(budget), out_(out) {}

  void write(const Value& value, std::uint32_t depth) {
    check_depth(depth);
    budget_.steps(1);
    const std::size_t before = out_.size();
    switch (value.kind()) {
      case Kind::kString: append_json_text(value.text(), style_.ascii_only, out_); break;
      case Kind::kList:
      case Kind::kTuple: list(value.sequence().items, depth); return;
      case Kind::kDict: dict(value.dict(), depth); return;
      default: out_ += scalar(value);
    }
    budget_.bytes(out_.size() - before);
  }

 private:
  static std::string scalar(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone: return "null";
      case Kind::kBool: return value.boolean() ? "true" : "false";
      case Kind::kInt: return std::to_string(value.integer());
      case Kind::kFloat: {
        const std::string text = float_text(value.floating());
        return text == "nan" ? "NaN" : text == "inf" ? "Infinity" : text == "-inf" ? "-Infinity" : text;
      }
      default: throw Failure("a value of type " + type_name(value) + " cannot be written as JSON");
    }
  }

  void line(std::uint32_t depth) {
    if (!style_.indented) return;
    budget_.bytes(1 + depth * style_.indent.size());
    out_ += '\n';
    for (std::uint32_t i = 0; i < depth; ++i) out_ += style_.indent;
  }

  void separate(bool first, std::uint32_t depth) {
    if (!first) out_ += style_.item_separator;
    line(depth + 1);
  }

  void list(const std::vector<Value>& items, std::uint32_t depth) {
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, depth);
      write(items[i], depth + 1);
    }
    if (!items.empty()) line(depth);
    out_ += ']';
  }

  void dict(const Dict& dict, std::uint32_t depth) {
    std::vector<std::pair<std::string, Value>> items;
    for (const auto& [key, value] : dict.items) items.emplace_back(key.string() ? key.text() : scalar(key), value);
    if (style_.sort_keys) std::ranges::stable_sort(items, {}, &std::pair<std::string, Value>::first);
    out_ += '{';
    for (std::size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, depth);
      append_json_text(items[i].first, style_.ascii_only, out_);
      out_ += style_.key_separator;
      write(items[i].second, depth + 1);
    }
    if (!items.empty()) line(depth);
    out_ += '}';
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string& out_;
};

}  // namespace

void fail_undefined(const Value& value) {
  const auto* const described = static_cast<const String*>(value.object());
  throw Failure(described == nullptr ? "an undefined value is used" : described->text);
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.integer() != 0;
    case Kind::kFloat: return value.floating() != 0.0;
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kView: return length(value) != 0;
    default: return true;
  }
}

std::string to_text(const Value& value, Budget& budget) {
  if (value.string()) {
    budget.steps(value.text().size() / 64);
    return value.text();
  }
  if (value.undefined()) return "";
  return to_repr(value, budget);
}

std::string to_repr(const Value& value, Budget& budget) {
  std::string text;
  Repr(budget, text).write(value, 0);
  return text;
}

Value to_string(const Value& value, Heap& heap) {
  return value.string() ? value : heap.string(to_text(value, heap.budget()));
}

std::string to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  std::string text;
  JsonWriter(style, budget, text).write(value, 0);
  return text;
}

std::int64_t whole_argument(const Value& value, const char* what) {
  if (value.undefined()) fail_undefined(value);
  if (!value.whole()) throw Failure(std::string(what) + " must be a whole number, not " + type_name(value));
  return value.integer();
}

const std::string& text_argument(const Value& value, const char* what) {
  if (value.undefined()) fail_undefined(value);
  if (!value.string()) throw Failure(std::string(what) + " must be a string, not " + type_name(value));
  return value.text();
}

}  // namespace trireme::jinja
