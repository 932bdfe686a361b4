// ==, <, in: Python compares numbers of all types with each other and everything else with its own type only.
#include <algorithm>
#include <cmath>

#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;

void check_depth(std::uint32_t depth) {
  if (depth > Limits::kValues) throw Failure("values that are compared are nested too deeply");
}

// -1, 0 or 1; 2 when one is not a number.
int compare_numbers(const Value& left, const Value& right) {
  if (left.whole() && right.whole()) {
    return left.integer() < right.integer() ? -1 : left.integer() > right.integer() ? 1 : 0;
  }
  if (left.whole()) {
    const int turned = compare_numbers(right, left);
    return turned == 2 ? 2 : -turned;
  }
  const double value = left.floating();
  if (std::isnan(value)) return 2;
  if (!right.whole()) {
    if (std::isnan(right.floating())) return 2;
    return value < right.floating() ? -1 : value > right.floating() ? 1 : 0;
  }
  // A double between the whole numbers of 64 bits: its whole part is exact.
  if (value >= kTwoTo63) return 1;
  if (value < -kTwoTo63) return -1;
  const auto whole = static_cast<std::int64_t>(std::floor(value));
  if (whole != right.integer()) return whole < right.integer() ? -1 : 1;
  return value > std::floor(value) ? 1 : 0;
}

bool equal_dicts(const Dict& left, const Dict& right, Budget& budget, std::uint32_t depth) {
  if (left.items.size() != right.items.size()) return false;
  return std::ranges::all_of(left.items, [&](const auto& item) {
    const Value* const other = lookup(right, item.first, budget);
    return other != nullptr && equal(item.second, *other, budget, depth + 1);
  });
}

bool equal_ranges(const Range& left, const Range& right) {
  if (left.count != right.count || left.count == 0) return left.count == right.count;
  return left.start == right.start && (left.count == 1 || left.step == right.step);
}

// Comparing two texts may read all of the shorter one.
void charge_texts(const std::string& left, const std::string& right, Budget& budget) {
  budget.steps(std::min(left.size(), right.size()) / 64);
}

}  // namespace

bool equal(const Value& left, const Value& right, Budget& budget, std::uint32_t depth) {
  check_depth(depth);
  budget.steps(1);
  if (left.number() && right.number()) return compare_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kString: charge_texts(left.text(), right.text(), budget); return left.text() == right.text();
    case Kind::kList:
    case Kind::kTuple:
      if (left.object() == right.object()) return true;
      return std::ranges::equal(left.sequence().items, right.sequence().items,
                                [&](const Value& a, const Value& b) { return equal(a, b, budget, depth + 1); });
    case Kind::kDict: return left.object() == right.object() || equal_dicts(left.dict(), right.dict(), budget, depth);
    case Kind::kRange: return equal_ranges(left.range(), right.range());
    default: return left.object() == right.object();
  }
}

bool less(const Value& left, const Value& right, Budget& budget, std::uint32_t depth) {
  check_depth(depth);
  budget.steps(1);
  if (left.undefined()) fail_undefined(left);
  if (right.undefined()) fail_undefined(right);
  if (left.number() && right.number()) return compare_numbers(left, right) == -1;
  if (left.string() && right.string()) {
    charge_texts(left.text(), right.text(), budget);
    return left.text() < right.text();  // UTF-8 sorts as code points do
  }
  if (left.list_or_tuple() && left.kind() == right.kind()) {
    const auto& a = left.sequence().items;
    const auto& b = right.sequence().items;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (!equal(a[i], b[i], budget, depth + 1)) return less(a[i], b[i], budget, depth + 1);
    }
    return a.size() < b.size();
  }
  throw Failure("values of type " + type_name(left) + " and " + type_name(right) + " have no order");
}

bool contains(const Value& container, const Value& value, Heap& heap) {
  Budget& budget = heap.budget();
  if (container.string()) {
    const std::string& part = text_argument(value, "what is sought in a string");
    budget.steps(container.text().size() / 64);
    return find_text(container.text(), part) != std::string_view::npos;
  }
  if (container.is(Kind::kDict)) return lookup(container.dict(), value, budget) != nullptr;
  bool found = false;
  iterate(container, heap, [&](const Value& item) {
    found = equal(item, value, budget);
    return !found;
  });
  return found;
}

}  // namespace trireme::jinja
