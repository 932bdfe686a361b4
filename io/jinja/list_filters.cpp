// Filters of lists. Those that are generators in Jinja2 are generators here too: they have no length, are always true,
// and yield their elements once.
#include <algorithm>
#include <string_view>

#include "io/jinja/filters.hpp"
#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

using Self = Interpreter;

// The value that "a.b.0" (or a number) leads to from `value`; undefined for a step that leads nowhere.
Value attribute_of(Self& self, Value value, const Value& path) {
  if (path.is_none()) return value;
  if (!path.string()) return self.item(value, path);
  const std::string_view dot = ".";
  for (const std::string_view part : split(path.text(), &dot, -1, false)) {
    const bool number =
        !part.empty() && part.size() < 10 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    const Value key = number ? Value::of(static_cast<std::int64_t>(std::atoll(std::string(part).c_str())))
                             : self.heap().string(std::string(part));
    value = self.item(value, key);
  }
  return value;
}

Value without_case(Self& self, const Value& value) {
  if (!value.string()) return value;
  self.budget().steps(value.text().size() / 8);
  return self.heap().string(lower(value.text()));
}

/// How sort, unique, min and max compare elements.
struct Key {
  bool case_sensitive = false;
  Value attribute = Value::none();

  static Key take(Arguments& arguments) {
    Key key;
    key.case_sensitive = truth(arguments.take("case_sensitive", Value::of(false)));
    key.attribute = arguments.take("attribute", Value::none());
    arguments.done();
    return key;
  }
  Value of(Self& self, const Value& value) const {
    const Value found = attribute_of(self, value, attribute);
    return case_sensitive ? found : without_case(self, found);
  }
  /// For sort, whose attribute may be a list of paths.
  Value several(Self& self, const Value& value) const {
    if (!attribute.string() || attribute.text().find(',') == std::string::npos) return of(self, value);
    const std::string_view comma = ",";
    std::vector<Value> parts;
    for (const std::string_view path : split(attribute.text(), &comma, -1, false)) {
      const Value found = attribute_of(self, value, self.heap().string(std::string(path)));
      parts.push_back(case_sensitive ? found : without_case(self, found));
    }
    return self.heap().tuple(std::move(parts));
  }
};

std::vector<Value> sorted(Self& self, const std::vector<Value>& items, const std::vector<Value>& keys, bool reverse) {
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return reverse ? less(keys[b], keys[a], self.budget()) : less(keys[a], keys[b], self.budget());
  });
  std::vector<Value> result;
  result.reserve(items.size());
  for (const std::size_t i : order) result.push_back(items[i]);
  return result;
}

Value length_filter(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  return Value::of(length(value));
}

Value join_filter(Self& self, const Value& value, Arguments& arguments) {
  const std::string between = to_text(arguments.take("d", self.heap().string("")), self.budget());
  const Value attribute = arguments.take("attribute", Value::none());
  arguments.done();
  std::string result;
  bool first = true;
  iterate(value, self.heap(), [&](const Value& item) {
    const std::string part = to_text(attribute_of(self, item, attribute), self.budget());
    self.budget().bytes(part.size() + between.size());
    if (!first) result += between;
    first = false;
    result += part;
    return true;
  });
  return self.heap().string(std::move(result));
}

Value first_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  Value result = self.heap().undefined("there is no first item: the sequence is empty");
  iterate(value, self.heap(), [&](const Value& item) {
    result = item;
    return false;
  });
  return result;
}

Value last_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  if (value.is(Kind::kIterator)) throw Failure("last does not work with generators: put | list before it");
  Value result = self.heap().undefined("there is no last item: the sequence is empty");
  iterate(value, self.heap(), [&](const Value& item) {
    result = item;
    return true;
  });
  return result;
}

Value list_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  return self.heap().list(elements(value, self.heap()));
}

Value reverse_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  if (value.string()) {
    return slice(value, Value::none(), Value::none(), Value::of(std::int64_t{-1}), self.heap());
  }
  std::vector<Value> items = elements(value, self.heap());
  std::ranges::reverse(items);
  const Value list = self.heap().list(std::move(items));
  return value.is(Kind::kIterator) ? list : self.heap().iterator(iterator_of(list, self.heap()));
}

Value items_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  View* const view = self.heap().make<View>();
  view->what = View::What::kItems;
  if (value.undefined()) return self.heap().iterator([](Value&) { return false; });
  if (!value.is(Kind::kDict)) throw Failure("items needs a dictionary, not " + type_name(value));
  view->dict = &value.dict();
  return self.heap().iterator(iterator_of(Value::of(Kind::kView, view), self.heap()));
}

Value map_filter(Self& self, const Value& value, Arguments& arguments) {
  const std::function<bool(Value&)> next = iterator_of(value, self.heap());
  if (arguments.positional.empty() && !arguments.named.empty() && arguments.named.front().first == "attribute") {
    const Value path = arguments.take("attribute");
    const Value otherwise = arguments.take("default", Value());
    arguments.done();
    return self.heap().iterator([&self, next, path, otherwise](Value& out) {
      if (!next(out)) return false;
      out = attribute_of(self, out, path);
      if (out.undefined() && !otherwise.undefined()) out = otherwise;
      return true;
    });
  }
  const std::string name = text_argument(arguments.take("filter"), "the filter of map");
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  rest.used = 0;
  return self.heap().iterator([&self, next, name, rest](Value& out) {
    if (!next(out)) return false;
    Arguments each = rest;
    out = self.filter(name, out, each);
    return true;
  });
}

template <bool wanted, bool by_attribute>
Value choose_filter(Self& self, const Value& value, Arguments& arguments) {
  const Value path = by_attribute ? arguments.take("attribute") : Value::none();
  const Value test = arguments.take("test", Value::none());
  const std::string name = test.is_none() ? "" : text_argument(test, "a test");
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<std::ptrdiff_t>(rest.used));
  rest.used = 0;
  if (!truth(value)) return self.heap().iterator([](Value&) { return false; });
  const std::function<bool(Value&)> next = iterator_of(value, self.heap());
  return self.heap().iterator([&self, next, path, name, rest](Value& out) {
    while (next(out)) {
      const Value seen = attribute_of(self, out, path);
      Arguments each = rest;
      if ((name.empty() ? truth(seen) : self.test(name, seen, each)) == wanted) return true;
    }
    return false;
  });
}

Value dictsort_filter(Self& self, const Value& value, Arguments& arguments) {
  Key key;
  key.case_sensitive = truth(arguments.take("case_sensitive", Value::of(false)));
  const std::string by = to_text(arguments.take("by", self.heap().string("key")), self.budget());
  const bool reverse = truth(arguments.take("reverse", Value::of(false)));
  arguments.done();
  if (by != "key" && by != "value") throw Failure("dictsort sorts by key or by value");
  if (!value.is(Kind::kDict)) throw Failure("dictsort needs a dictionary, not " + type_name(value));
  std::vector<Value> items, keys;
  for (const auto& [name, held] : value.dict().items) {
    items.push_back(self.heap().tuple({name, held}));
    keys.push_back(key.of(self, by == "key" ? name : held));
  }
  return self.heap().list(sorted(self, items, keys, reverse));
}

Value sort_filter(Self& self, const Value& value, Arguments& arguments) {
  const bool reverse = truth(arguments.take("reverse", Value::of(false)));
  const Key key = Key::take(arguments);
  const std::vector<Value> items = elements(value, self.heap());
  std::vector<Value> keys;
  for (const Value& item : items) keys.push_back(key.several(self, item));
  return self.heap().list(sorted(self, items, keys, reverse));
}

Value unique_filter(Self& self, const Value& value, Arguments& arguments) {
  const Key key = Key::take(arguments);
  const std::function<bool(Value&)> next = iterator_of(value, self.heap());
  Dict* const seen = self.heap().make<Dict>();
  return self.heap().iterator([&self, next, key, seen](Value& out) {
    while (next(out)) {
      const Value mark = key.of(self, out);
      if (lookup(*seen, mark, self.budget()) != nullptr) continue;
      insert(*seen, mark, Value::none(), self.budget());
      return true;
    }
    return false;
  });
}

template <bool largest>
Value extreme_filter(Self& self, const Value& value, Arguments& arguments) {
  const Key key = Key::take(arguments);
  Value best = self.heap().undefined("there is no item: the sequence is empty"), best_key;
  bool first = true;
  iterate(value, self.heap(), [&](const Value& item) {
    const Value mark = key.of(self, item);
    if (first || (largest ? less(best_key, mark, self.budget()) : less(mark, best_key, self.budget()))) {
      best = item;
      best_key = mark;
    }
    first = false;
    return true;
  });
  return best;
}

Value sum_filter(Self& self, const Value& value, Arguments& arguments) {
  const Value attribute = arguments.take("attribute", Value::none());
  Value total = arguments.take("start", Value::of(std::int64_t{0}));
  arguments.done();
  if (total.string()) throw Failure("sum does not add strings: use join");
  iterate(value, self.heap(), [&](const Value& item) {
    total = arithmetic("+", total, attribute_of(self, item, attribute), self.heap());
    return true;
  });
  return total;
}

using Named = std::pair<std::string_view, Native>;
constexpr Named kFilters[] = {
    {"length", length_filter},
    {"count", length_filter},
    {"join", join_filter},
    {"first", first_filter},
    {"last", last_filter},
    {"list", list_filter},
    {"reverse", reverse_filter},
    {"items", items_filter},
    {"map", map_filter},
    {"select", choose_filter<true, false>},
    {"reject", choose_filter<false, false>},
    {"selectattr", choose_filter<true, true>},
    {"rejectattr", choose_filter<false, true>},
    {"dictsort", dictsort_filter},
    {"sort", sort_filter},
    {"unique", unique_filter},
    {"min", extreme_filter<false>},
    {"max", extreme_filter<true>},
    {"sum", sum_filter},
};

}  // namespace

Native find_list_filter(const std::string& name) {
  const auto* const found = std::ranges::find(kFilters, name, &Named::first);
  return found == std::end(kFilters) ? nullptr : found->second;
}

Native find_filter(const std::string& name) {
  const Native found = find_plain_filter(name);
  return found == nullptr ? find_list_filter(name) : found;
}

}  // namespace trireme::jinja
