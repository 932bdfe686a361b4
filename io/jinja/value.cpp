#include "io/jinja/value.hpp"

#include <algorithm>

namespace trireme::jinja {

Value Heap::string(std::string text, bool markup) {
  String* const made = make<String>(text.capacity());
  made->length = static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  made->text = std::move(text);
  made->markup = markup;
  return Value::of(Kind::kString, made);
}

Value Heap::sequence(Kind kind, std::vector<Value> items) {
  Sequence* const made = make<Sequence>(items.capacity() * sizeof(Value));
  made->items = std::move(items);
  return Value::of(kind, made);
}

Value Heap::undefined(std::string description) {
  String* const made = make<String>(description.capacity());
  made->text = std::move(description);
  return Value::of(Kind::kUndefined, made);
}

Value Heap::iterator(std::function<bool(Value&)> next) {
  Iterator* const made = make<Iterator>(128);  // what the function holds
  made->next = std::move(next);
  return Value::of(Kind::kIterator, made);
}

std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kRange: return "range";
    case Kind::kView: return "dict view";
    case Kind::kIterator: return "generator";
    case Kind::kNamespace: return "Namespace";
    case Kind::kLoop: return "LoopContext";
    case Kind::kCallable: return "function";
  }
  return "value";
}

}  // namespace trireme::jinja
