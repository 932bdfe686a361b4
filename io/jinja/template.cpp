#include "io/jinja/template.hpp"

#include <utility>
#include <vector>

#include "base/error.hpp"
#include "io/jinja/interpreter.hpp"
#include "io/jinja/parser.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

Value value_of(const base::Json& json, Heap& heap, std::uint32_t depth) {
  if (depth > Limits::kValues) throw Failure("the variables hold lists or objects too deeply inside each other");
  switch (json.type()) {
    case base::Json::value_t::boolean: return Value::of(json.get<bool>());
    case base::Json::value_t::number_integer: return Value::of(json.get<std::int64_t>());
    case base::Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        throw Failure("a whole number does not fit into 64 bits");
      return Value::of(json.get<std::int64_t>());
    case base::Json::value_t::number_float: return Value::of(json.get<double>());
    case base::Json::value_t::string: return heap.string(json.get<std::string>());
    case base::Json::value_t::array: {
      std::vector<Value> items;
      for (const base::Json& item : json) items.push_back(value_of(item, heap, depth + 1));
      return heap.list(std::move(items));
    }
    case base::Json::value_t::object: {
      Dict* const dict = heap.make<Dict>(json.size() * 2 * sizeof(Value));
      for (auto it = json.begin(); it != json.end(); ++it) {
        dict->items.emplace_back(heap.string(it.key()), value_of(it.value(), heap, depth + 1));
      }
      return Value::of(Kind::kDict, dict);
    }
    default: return Value::none();
  }
}

}  // namespace

struct Template::Implementation {
  std::string name;
  Limits limits;
  Tree tree;
};

Template::Template(std::shared_ptr<const Implementation> implementation) : implementation_(std::move(implementation)) {}

Template Template::parse(const std::string& source, const std::string& name, const Limits& limits) {
  if (source.size() > limits.source) {
    throw base::InputError(base::str(name, " is longer than the ", limits.source, " bytes that a template may have"));
  }
  if (malformed_at(source) != source.size()) throw base::InputError(name + " is no UTF-8 text");
  const auto made = std::make_shared<Implementation>();
  made->name = name;
  made->limits = limits;
  try {
    jinja::parse(source, made->tree);
  } catch (const SyntaxError& error) {
    throw base::InputError(base::str(name, ", line ", error.line, ": ", error.message));
  }
  return Template(made);
}

std::string Template::render(const base::Json& variables, std::time_t now) const {
  Budget budget(implementation_->limits);
  Interpreter interpreter(budget, now);
  try {
    std::vector<std::pair<std::string, Value>> globals;
    for (auto it = variables.begin(); it != variables.end(); ++it) {
      globals.emplace_back(it.key(), value_of(it.value(), interpreter.heap(), 0));
    }
    return interpreter.run(implementation_->tree, std::move(globals));
  } catch (const Failure& failure) {
    throw base::InputError(base::str(implementation_->name, ", line ", interpreter.line(), ": ", failure.what()));
  }
}

}  // namespace trireme::jinja
