// Expressions.
#include <algorithm>
#include <utility>

#include "io/jinja/interpreter.hpp"
#include "io/jinja/operations.hpp"

namespace trireme::jinja {
namespace {

bool compare(const std::string& op, const Value& left, const Value& right, Heap& heap) {
  Budget& budget = heap.budget();
  if (op == "==") return equal(left, right, budget);
  if (op == "!=") return !equal(left, right, budget);
  if (op == "<") return less(left, right, budget);
  if (op == ">") return less(right, left, budget);
  if (op == "in") return contains(right, left, heap);
  if (op == "not in") return !contains(right, left, heap);
  // Not a NaN's: a <= b is !(b < a).
  const bool or_equal = equal(left, right, budget);
  const bool before = op == "<=" ? less(left, right, budget) : less(right, left, budget);
  return or_equal || before;
}

const char* names_of(Kind kind) { return kind == Kind::kString ? "str" : kind == Kind::kDict ? "dict" : "list"; }

}  // namespace

Value Interpreter::evaluate(const Expression& expression, Scope& scope) {
  const Level level(budget_);
  line_ = expression.line;
  const auto operand = [&](std::size_t i) { return evaluate(*expression.operands[i], scope); };
  switch (expression.kind) {
    case ExpressionKind::kNone: return Value::none();
    case ExpressionKind::kBool: return Value::of(expression.integer != 0);
    case ExpressionKind::kInt: return Value::of(expression.integer);
    case ExpressionKind::kFloat: return Value::of(expression.floating);
    case ExpressionKind::kString: return heap_.string(expression.text);
    case ExpressionKind::kName: return evaluate_name(expression, scope);
    case ExpressionKind::kList:
    case ExpressionKind::kTuple:
    case ExpressionKind::kDict: return evaluate_items(expression, scope);
    case ExpressionKind::kAttribute: return attribute(operand(0), expression.text);
    case ExpressionKind::kItem: {
      const Value object = operand(0);
      return item(object, operand(1));
    }
    case ExpressionKind::kSlice: return evaluate_slice(expression, scope);
    case ExpressionKind::kCall: return evaluate_call(expression, scope, nullptr);
    case ExpressionKind::kFilter: return evaluate_filter(expression, scope, nullptr);
    case ExpressionKind::kTest: {
      const Value value = operand(0);
      Arguments arguments = arguments_of(expression, scope);
      return Value::of(test(expression.text, value, arguments));
    }
    case ExpressionKind::kNot: return Value::of(!truth(operand(0)));
    case ExpressionKind::kNegative: return negative(operand(0));
    case ExpressionKind::kPositive: return negative(negative(operand(0)));
    case ExpressionKind::kArithmetic: {
      const Value left = operand(0);
      const Value right = operand(1);
      line_ = expression.line;
      return arithmetic(expression.text, left, right, heap_);
    }
    case ExpressionKind::kJoin: return evaluate_join(expression, scope);
    case ExpressionKind::kAnd: {
      const Value left = operand(0);
      return truth(left) ? operand(1) : left;
    }
    case ExpressionKind::kOr: {
      const Value left = operand(0);
      return truth(left) ? left : operand(1);
    }
    case ExpressionKind::kCompare: return evaluate_compare(expression, scope);
    case ExpressionKind::kConditional: {
      if (truth(operand(1))) return operand(0);
      if (expression.operands[2] != nullptr) return operand(2);
      return heap_.undefined("the inline if-expression is false and has no else");
    }
  }
  return Value();
}

Value Interpreter::evaluate_name(const Expression& expression, Scope& scope) {
  if (const Value* const found = scope.find(expression.text)) return *found;
  if (const Native function = find_function(expression.text)) {
    Callable* const made = heap_.make<Callable>();
    made->name = expression.text;
    made->native = function;
    return Value::of(Kind::kCallable, made);
  }
  return heap_.undefined("'" + expression.text + "' is undefined");
}

Value Interpreter::evaluate_items(const Expression& expression, Scope& scope) {
  std::vector<Value> items;
  items.reserve(expression.operands.size());
  for (const Expression* operand : expression.operands) items.push_back(evaluate(*operand, scope));
  if (expression.kind == ExpressionKind::kList) return heap_.list(std::move(items));
  if (expression.kind == ExpressionKind::kTuple) return heap_.tuple(std::move(items));
  Dict* const dict = heap_.make<Dict>(items.size() * sizeof(Value));
  for (std::size_t i = 0; i < items.size(); i += 2) insert(*dict, items[i], items[i + 1], budget_);
  return Value::of(Kind::kDict, dict);
}

Value Interpreter::evaluate_compare(const Expression& expression, Scope& scope) {
  Value left = evaluate(*expression.operands[0], scope);
  for (std::size_t i = 0; i < expression.words.size(); ++i) {
    const Value right = evaluate(*expression.operands[i + 1], scope);
    line_ = expression.line;
    if (!compare(expression.words[i], left, right, heap_)) return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Interpreter::evaluate_join(const Expression& expression, Scope& scope) {
  std::string text;
  for (const Expression* operand : expression.operands) {
    const std::string part = to_text(evaluate(*operand, scope), budget_);
    budget_.bytes(part.size());
    text += part;
  }
  return heap_.string(std::move(text));
}

Value Interpreter::evaluate_slice(const Expression& expression, Scope& scope) {
  const Value object = evaluate(*expression.operands[0], scope);
  Value parts[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Expression* const part = expression.operands[i + 1];
    parts[i] = part == nullptr ? Value::none() : evaluate(*part, scope);
  }
  return slice(object, parts[0], parts[1], parts[2], heap_);
}

Arguments Interpreter::arguments_of(const Expression& expression, Scope& scope) {
  Arguments arguments;
  arguments.callee = expression.text;
  for (std::size_t i = 1; i < expression.operands.size(); ++i) {
    arguments.positional.push_back(evaluate(*expression.operands[i], scope));
  }
  for (const auto& [name, value] : expression.named) arguments.named.emplace_back(name, evaluate(*value, scope));
  if (expression.unpacked != nullptr) {
    for (const Value& item : elements(evaluate(*expression.unpacked, scope), heap_)) {
      arguments.positional.push_back(item);
    }
  }
  if (expression.unpacked_named != nullptr) {
    const Value dict = evaluate(*expression.unpacked_named, scope);
    if (!dict.is(Kind::kDict)) throw Failure("** needs a dictionary, not " + type_name(dict));
    for (const auto& [key, value] : dict.dict().items) {
      arguments.named.emplace_back(text_argument(key, "a name behind **"), value);
    }
  }
  return arguments;
}

Value Interpreter::evaluate_call(const Expression& expression, Scope& scope, const Value* caller) {
  const Value callee = evaluate(*expression.operands[0], scope);
  Arguments arguments = arguments_of(expression, scope);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  line_ = expression.line;
  return call(callee, arguments);
}

Value Interpreter::evaluate_filter(const Expression& expression, Scope& scope, const Value* block) {
  // In a block the innermost filter has no operand: it gets the block's text.
  const Expression* const inner = expression.operands[0];
  Value value;
  if (inner == nullptr) {
    value = *block;
  } else if (block != nullptr) {
    value = evaluate_filter(*inner, scope, block);
  } else {
    value = evaluate(*inner, scope);
  }
  Arguments arguments = arguments_of(expression, scope);
  line_ = expression.line;
  return filter(expression.text, value, arguments);
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  if (callee.undefined()) fail_undefined(callee);
  if (!callee.is(Kind::kCallable)) throw Failure("a value of type " + type_name(callee) + " cannot be called");
  const Callable& function = callee.callable();
  const Level level(budget_);
  if (function.native == nullptr) return call_macro(static_cast<const MacroValue&>(function), arguments);
  arguments.callee = function.name;
  if (function.self.string()) budget_.steps(function.self.text().size() / 64);
  return function.native(*this, function.self, arguments);
}

Value Interpreter::filter(const std::string& name, const Value& value, Arguments& arguments) {
  const Native found = find_filter(name);
  if (found == nullptr) throw Failure("the filter '" + name + "' is not supported");
  arguments.callee = name;
  return found(*this, value, arguments);
}

bool Interpreter::test(const std::string& name, const Value& value, Arguments& arguments) {
  const Native found = find_test(name);
  if (found == nullptr) throw Failure("the test '" + name + "' is not supported");
  arguments.callee = name;
  return truth(found(*this, value, arguments));
}

Value Interpreter::attribute(const Value& object, const std::string& name) {
  if (object.undefined()) fail_undefined(object);
  if (name.starts_with("__")) throw Failure("the attribute " + name + " may not be used");
  const auto method = [&](Native native) {
    Callable* const made = heap_.make<Callable>();
    made->name = name;
    made->native = native;
    made->self = object;
    return Value::of(Kind::kCallable, made);
  };
  switch (object.kind()) {
    case Kind::kNamespace:
      for (const auto& [known, value] : object.names().items) {
        if (known == name) return value;
      }
      break;
    case Kind::kString:
      if (const Native native = find_string_method(name)) return method(native);
      break;
    case Kind::kList:
    case Kind::kTuple:
      if (const Native native = find_list_method(name)) return method(native);
      break;
    case Kind::kDict:
      if (const Native native = find_dict_method(name)) return method(native);
      break;
    case Kind::kLoop:
      if (const Native native = find_loop_method(name)) {
        Arguments nothing;
        const Value value = method(native);
        return name == "cycle" || name == "changed" ? value : native(*this, object, nothing);
      }
      break;
    default: break;
  }
  if (refused_attribute(object.kind(), name)) {
    const std::string what = std::string(names_of(object.kind())) + "." + name;
    return heap_.undefined(what +
                           " is not supported: a template may not change a list or dictionary, and not all "
                           "methods are there");
  }
  if (object.is(Kind::kDict)) {
    if (const Value* const found = lookup(object.dict(), heap_.string(name), budget_)) return *found;
  }
  return heap_.undefined("'" + type_name(object) + " object' has no attribute '" + name + "'");
}

Value Interpreter::item(const Value& object, const Value& key) {
  if (object.undefined()) fail_undefined(object);
  if (object.is(Kind::kDict) && hashable(key)) {
    if (const Value* const found = lookup(object.dict(), key, budget_)) return *found;
  }
  if (key.whole()) {
    const bool indexed = object.list_or_tuple() || object.string() || object.is(Kind::kRange);
    const std::int64_t size = indexed ? length(object) : 0;
    const std::int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
    if (indexed && index >= 0 && index < size) {
      if (object.is(Kind::kRange)) return object.range().at(index);
      if (object.list_or_tuple()) return object.sequence().items[static_cast<std::size_t>(index)];
      return slice(object, Value::of(index), Value::of(index + 1), Value::none(), heap_);
    }
  }
  if (key.string()) return attribute(object, key.text());
  return heap_.undefined(type_name(object) + " object has no element " + to_repr(key, budget_));
}

}  // namespace trireme::jinja
