// + - * / // % ** and the unary minus. Whole numbers have 64 bits: where Python's would grow beyond, it is a Failure.
#include <cmath>
#include <limits>

#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

[[noreturn]] void fail_types(const std::string& op, const Value& left, const Value& right) {
  if (left.undefined()) fail_undefined(left);
  if (right.undefined()) fail_undefined(right);
  throw Failure("the operator " + op + " does not take " + type_name(left) + " and " + type_name(right));
}

[[noreturn]] void fail_large() { throw Failure("a whole number does not fit into 64 bits"); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Failure("division by zero");
  if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) fail_large();
  const std::int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// The remainder has the divisor's sign.
double float_modulo(double a, double b) {
  if (b == 0.0) throw Failure("division by zero");
  const double rest = std::fmod(a, b);
  if (rest == 0.0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

// Python computes it so: from the remainder, then rounded to a whole number.
double float_floor_divide(double a, double b) {
  if (b == 0.0) throw Failure("division by zero");
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0.0 && (rest < 0) != (b < 0)) quotient -= 1.0;
  if (quotient == 0.0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

Value power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Failure("division by zero");
    return Value::of(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  std::int64_t result = 1;
  if (base == 1 || exponent == 0) return Value::of(result);
  if (base == 0 || base == -1) return Value::of(base == 0 ? 0 : exponent % 2 == 0 ? result : -result);
  for (; exponent > 0; --exponent) {  // at most 64 times: the absolute value doubles at least
    if (__builtin_mul_overflow(result, base, &result)) fail_large();
  }
  return Value::of(result);
}

Value whole_numbers(const std::string& op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (op == "+" || op == "-" || op == "*") {
    const bool overflow = op == "+"   ? __builtin_add_overflow(a, b, &result)
                          : op == "-" ? __builtin_sub_overflow(a, b, &result)
                                      : __builtin_mul_overflow(a, b, &result);
    if (overflow) fail_large();
    return Value::of(result);
  }
  if (op == "//") return Value::of(floor_divide(a, b));
  if (op == "%") return b == -1 ? Value::of(result) : Value::of(a - b * floor_divide(a, b));
  if (op == "**") return power(a, b);
  if (b == 0) throw Failure("division by zero");
  return Value::of(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
}

Value floats(const std::string& op, double a, double b) {
  if (op == "+") return Value::of(a + b);
  if (op == "-") return Value::of(a - b);
  if (op == "*") return Value::of(a * b);
  if (op == "//") return Value::of(float_floor_divide(a, b));
  if (op == "%") return Value::of(float_modulo(a, b));
  if (op == "**") {
    if (a == 0.0 && b < 0.0) throw Failure("division by zero");
    const double result = std::pow(a, b);
    if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) throw Failure("a power is no real number");
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) throw Failure("a power is too large");
    return Value::of(result);
  }
  if (b == 0.0) throw Failure("division by zero");
  return Value::of(a / b);
}

// Markup escapes plain text that is added to it.
Value joined(const Value& left, const Value& right, Heap& heap) {
  const bool markup = left.as_string().markup || right.as_string().markup;
  const auto part = [&](const Value& side) {
    return markup && !side.as_string().markup ? escaped(side.text()) : side.text();
  };
  return heap.string(part(left) + part(right), markup);
}

Value repeated(const Value& value, std::int64_t times, Heap& heap) {
  times = times < 0 ? 0 : times;
  const auto charge = [&](std::size_t size) {
    if (size > 0 && times > std::numeric_limits<std::int64_t>::max() / 64 / static_cast<std::int64_t>(size)) {
      throw Failure("a value is repeated too often");
    }
    heap.budget().bytes(size * static_cast<std::size_t>(times));
    heap.budget().steps(size * static_cast<std::size_t>(times) / 64);
  };
  if (value.string()) {
    charge(value.text().size());
    std::string text;
    text.reserve(value.text().size() * static_cast<std::size_t>(times));
    for (std::int64_t i = 0; i < times && !value.text().empty(); ++i) text += value.text();
    return heap.string(std::move(text), value.as_string().markup);
  }
  const std::vector<Value>& items = value.sequence().items;
  charge(items.size() * sizeof(Value));
  std::vector<Value> result;
  for (std::int64_t i = 0; i < times && !items.empty(); ++i) result.insert(result.end(), items.begin(), items.end());
  return value.is(Kind::kList) ? heap.list(std::move(result)) : heap.tuple(std::move(result));
}

}  // namespace

Value negative(const Value& value) {
  if (value.undefined()) fail_undefined(value);
  if (value.is(Kind::kFloat)) return Value::of(-value.floating());
  if (!value.whole()) throw Failure("a value of type " + type_name(value) + " has no negative");
  return whole_numbers("-", 0, value.integer());
}

Value arithmetic(const std::string& op, const Value& left, const Value& right, Heap& heap) {
  if (left.number() && right.number()) {
    if (left.whole() && right.whole()) return whole_numbers(op, left.integer(), right.integer());
    return floats(op, left.floating(), right.floating());
  }
  if (op == "+" && left.string() && right.string()) return joined(left, right, heap);
  if (op == "+" && left.list_or_tuple() && left.kind() == right.kind()) {
    std::vector<Value> items = left.sequence().items;
    const std::vector<Value>& more = right.sequence().items;
    heap.budget().steps((items.size() + more.size()) / 8);
    items.insert(items.end(), more.begin(), more.end());
    return left.is(Kind::kList) ? heap.list(std::move(items)) : heap.tuple(std::move(items));
  }
  if (op == "*" && right.whole() && (left.string() || left.list_or_tuple())) {
    return repeated(left, right.integer(), heap);
  }
  if (op == "*" && left.whole() && (right.string() || right.list_or_tuple())) {
    return repeated(right, left.integer(), heap);
  }
  if (op == "%" && left.string()) return format_percent(left, right, heap);
  fail_types(op, left, right);
}

}  // namespace trireme::jinja
