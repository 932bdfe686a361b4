// What may stand behind "is".
#include <algorithm>
#include <string_view>

#include "io/jinja/interpreter.hpp"
#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

using Self = Interpreter;

template <bool (*holds)(const Value&)>
Value simple(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  return Value::of(holds(value));
}

bool is_defined(const Value& value) { return !value.undefined(); }
bool is_undefined(const Value& value) { return value.undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is(Kind::kBool); }
bool is_true(const Value& value) { return value.is(Kind::kBool) && value.boolean(); }
bool is_false(const Value& value) { return value.is(Kind::kBool) && !value.boolean(); }
bool is_integer(const Value& value) { return value.is(Kind::kInt); }
bool is_float(const Value& value) { return value.is(Kind::kFloat); }
bool is_number(const Value& value) { return value.number(); }
bool is_string(const Value& value) { return value.string(); }
bool is_mapping(const Value& value) { return value.is(Kind::kDict); }
bool is_callable(const Value& value) { return value.is(Kind::kCallable) || value.is(Kind::kLoop); }
bool is_escaped(const Value& value) { return value.string() && value.as_string().markup; }
bool is_sequence(const Value& value) {
  return value.undefined() || value.string() || value.list_or_tuple() || value.is(Kind::kDict) ||
         value.is(Kind::kRange);
}

template <bool (*asks)(std::string_view)>
Value case_test(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  const std::string text = to_text(value, self.budget());
  self.budget().steps(text.size() / 4);
  return Value::of(asks(text));
}

Value modulo(Self& self, const Value& value, const Value& divisor) {
  return arithmetic("%", value, divisor, self.heap());
}

template <std::int64_t rest>
Value parity(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  return Value::of(equal(modulo(self, value, Value::of(std::int64_t{2})), Value::of(rest), self.budget()));
}

Value divisible(Self& self, const Value& value, Arguments& arguments) {
  const Value divisor = arguments.take("num");
  arguments.done();
  return Value::of(equal(modulo(self, value, divisor), Value::of(std::int64_t{0}), self.budget()));
}

enum class Order : std::uint8_t { kEqual, kUnequal, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

template <Order order>
Value compared(Self& self, const Value& value, Arguments& arguments) {
  const Value other = arguments.take("other");
  arguments.done();
  Budget& budget = self.budget();
  switch (order) {
    case Order::kEqual: return Value::of(equal(value, other, budget));
    case Order::kUnequal: return Value::of(!equal(value, other, budget));
    case Order::kLess: return Value::of(less(value, other, budget));
    case Order::kGreater: return Value::of(less(other, value, budget));
    case Order::kLessOrEqual: return Value::of(less(value, other, budget) || equal(value, other, budget));
    case Order::kGreaterOrEqual: return Value::of(less(other, value, budget) || equal(value, other, budget));
  }
  return Value();
}

Value is_in(Self& self, const Value& value, Arguments& arguments) {
  const Value container = arguments.take("seq");
  arguments.done();
  return Value::of(contains(container, value, self.heap()));
}

Value same_as(Self& self, const Value& value, Arguments& arguments) {
  const Value other = arguments.take("other");
  arguments.done();
  if (value.kind() != other.kind()) return Value::of(false);
  const bool plain = value.is_none() || value.is(Kind::kBool) || value.is(Kind::kInt) || value.string();
  return Value::of(plain ? equal(value, other, self.budget()) : value.object() == other.object());
}

Value is_filter(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  return Value::of(value.string() && find_filter(value.text()) != nullptr);
}

Value is_test(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  return Value::of(value.string() && find_test(value.text()) != nullptr);
}

using Named = std::pair<std::string_view, Native>;
constexpr Named kTests[] = {
    {"defined", simple<is_defined>},
    {"undefined", simple<is_undefined>},
    {"none", simple<is_none>},
    {"boolean", simple<is_boolean>},
    {"true", simple<is_true>},
    {"false", simple<is_false>},
    {"integer", simple<is_integer>},
    {"float", simple<is_float>},
    {"number", simple<is_number>},
    {"string", simple<is_string>},
    {"mapping", simple<is_mapping>},
    {"iterable", simple<iterable>},
    {"sequence", simple<is_sequence>},
    {"callable", simple<is_callable>},
    {"escaped", simple<is_escaped>},
    {"lower", case_test<is_lower>},
    {"upper", case_test<is_upper>},
    {"odd", parity<1>},
    {"even", parity<0>},
    {"divisibleby", divisible},
    {"==", compared<Order::kEqual>},
    {"eq", compared<Order::kEqual>},
    {"equalto", compared<Order::kEqual>},
    {"!=", compared<Order::kUnequal>},
    {"ne", compared<Order::kUnequal>},
    {"<", compared<Order::kLess>},
    {"lt", compared<Order::kLess>},
    {"lessthan", compared<Order::kLess>},
    {"<=", compared<Order::kLessOrEqual>},
    {"le", compared<Order::kLessOrEqual>},
    {">", compared<Order::kGreater>},
    {"gt", compared<Order::kGreater>},
    {"greaterthan", compared<Order::kGreater>},
    {">=", compared<Order::kGreaterOrEqual>},
    {"ge", compared<Order::kGreaterOrEqual>},
    {"in", is_in},
    {"sameas", same_as},
    {"filter", is_filter},
    {"test", is_test},
};

}  // namespace

Native find_test(const std::string& name) {
  const auto* const found = std::ranges::find(kTests, name, &Named::first);
  return found == std::end(kTests) ? nullptr : found->second;
}

}  // namespace trireme::jinja
