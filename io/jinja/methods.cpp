// Functions that every template can call, the methods of lists, dictionaries and loops, and how arguments are taken.
#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <string_view>

#include "io/jinja/interpreter.hpp"
#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

using Named = std::pair<std::string_view, Native>;
using Self = Interpreter;

constexpr std::int64_t kLongestRange = 100'000;  // as Jinja2's sandbox
constexpr std::size_t kLongestTime = 4096;

template <std::size_t n>
Native find_in(const Named (&table)[n], const std::string& name) {
  const auto* const found = std::ranges::find(table, name, &Named::first);
  return found == std::end(table) ? nullptr : found->second;
}

Value range_function(Self& self, const Value&, Arguments& arguments) {
  std::int64_t bounds[3] = {0, 0, 1};
  const std::vector<Value>& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.named.empty())
    throw Failure("range() takes one to three numbers");
  if (given.size() == 1) {
    bounds[1] = whole_argument(given[0], "a bound of range()");
  } else {
    for (std::size_t i = 0; i < given.size(); ++i) bounds[i] = whole_argument(given[i], "a bound of range()");
  }
  const auto [start, stop, step] = bounds;
  if (step == 0) throw Failure("the step of range() is zero");
  Range* const range = self.heap().make<Range>();
  range->start = start;
  range->step = step;
  const bool some = step > 0 ? start < stop : start > stop;
  if (some) {
    const std::uint64_t distance = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                            : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
    const std::uint64_t stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
    const std::uint64_t count = (distance - 1) / stride + 1;
    if (count > static_cast<std::uint64_t>(kLongestRange)) {
      throw Failure("range() is longer than " + std::to_string(kLongestRange));
    }
    range->count = static_cast<std::int64_t>(count);
  }
  return Value::of(Kind::kRange, range);
}

// dict(dict or pairs, name=value, …).
Value dict_function(Self& self, const Value&, Arguments& arguments) {
  Dict* const dict = self.heap().make<Dict>();
  if (arguments.positional.size() > 1) throw Failure("dict() takes one argument, and others by name");
  for (const Value& from : arguments.positional) {
    if (from.is(Kind::kDict)) {
      for (const auto& [key, value] : from.dict().items) insert(*dict, key, value, self.budget());
      continue;
    }
    for (const Value& pair : elements(from, self.heap())) {
      const std::vector<Value> both = elements(pair, self.heap());
      if (both.size() != 2) throw Failure("dict() needs pairs");
      insert(*dict, both[0], both[1], self.budget());
    }
  }
  for (const auto& [name, value] : arguments.named) insert(*dict, self.heap().string(name), value, self.budget());
  return Value::of(Kind::kDict, dict);
}

Value namespace_function(Self& self, const Value& none, Arguments& arguments) {
  const Value given = dict_function(self, none, arguments);
  Namespace* const space = self.heap().make<Namespace>(given.dict().items.size() * 64);
  for (const auto& [key, value] : given.dict().items) {
    const std::string& name = text_argument(key, "a name in namespace()");
    if (name.starts_with('_')) throw Failure("a namespace cannot hold the name " + name);
    space->items.emplace_back(name, value);
  }
  return Value::of(Kind::kNamespace, space);
}

Value raise_function(Self& self, const Value&, Arguments& arguments) {
  const Value message = arguments.take("message");
  arguments.done();
  throw Failure("the template refuses: " + to_text(message, self.budget()));
}

Value time_function(Self& self, const Value&, Arguments& arguments) {
  const Value given = arguments.take("format");
  arguments.done();
  const std::string& format = text_argument(given, "the format of strftime_now()");
  if (format.find('\0') != std::string::npos) throw Failure("the format of strftime_now() holds a zero byte");
  // A mark behind the format tells an empty result from a result that is too long.
  std::tm parts{};
  const std::time_t now = self.now();
  localtime_r(&now, &parts);
  std::array<char, kLongestTime> text{};
  const std::size_t written = std::strftime(text.data(), text.size(), (format + "|").c_str(), &parts);
  if (written == 0 || malformed_at({text.data(), written}) != written) {
    throw Failure("the format of strftime_now() makes no text, or a very long one");
  }
  return self.heap().string(std::string(text.data(), written - 1));
}

template <View::What what>
Value view_method(Self& self, const Value& dict, Arguments& arguments) {
  arguments.done();
  View* const view = self.heap().make<View>();
  view->what = what;
  view->dict = &dict.dict();
  return Value::of(Kind::kView, view);
}

Value get_method(Self& self, const Value& dict, Arguments& arguments) {
  const Value key = arguments.take("key");
  const Value otherwise = arguments.take("default", Value::none());
  arguments.done();
  const Value* const found = lookup(dict.dict(), key, self.budget());
  return found == nullptr ? otherwise : *found;
}

Value copy_method(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  return value;  // nobody can change it
}

Value index_method(Self& self, const Value& list, Arguments& arguments) {
  const Value wanted = arguments.take("value");
  arguments.done();
  const std::vector<Value>& items = list.sequence().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (equal(items[i], wanted, self.budget())) return Value::of(static_cast<std::int64_t>(i));
  }
  throw Failure("the value that index() seeks is not in the list");
}

Value count_method(Self& self, const Value& list, Arguments& arguments) {
  const Value wanted = arguments.take("value");
  arguments.done();
  std::int64_t count = 0;
  for (const Value& item : list.sequence().items) count += equal(item, wanted, self.budget()) ? 1 : 0;
  return Value::of(count);
}

enum class Place : std::uint8_t { kIndex, kIndex0, kRevIndex, kRevIndex0, kLength, kDepth, kDepth0 };

template <Place place>
Value loop_number(Self&, const Value& value, Arguments&) {
  const Loop& loop = value.loop();
  const auto index = static_cast<std::int64_t>(loop.index), length = static_cast<std::int64_t>(loop.items.size());
  switch (place) {
    case Place::kIndex: return Value::of(index + 1);
    case Place::kIndex0: return Value::of(index);
    case Place::kRevIndex: return Value::of(length - index);
    case Place::kRevIndex0: return Value::of(length - index - 1);
    case Place::kLength: return Value::of(length);
    case Place::kDepth: return Value::of(std::int64_t{1});
    case Place::kDepth0: return Value::of(std::int64_t{0});
  }
  return Value();
}

Value loop_first(Self&, const Value& value, Arguments&) { return Value::of(value.loop().index == 0); }
Value loop_last(Self&, const Value& value, Arguments&) {
  return Value::of(value.loop().index + 1 == value.loop().items.size());
}

template <int step>
Value loop_neighbour(Self& self, const Value& value, Arguments&) {
  const Loop& loop = value.loop();
  const std::int64_t at = static_cast<std::int64_t>(loop.index) + step;
  if (at < 0 || at >= static_cast<std::int64_t>(loop.items.size())) {
    return self.heap().undefined(step < 0 ? "there is no previous item" : "there is no next item");
  }
  return loop.items[static_cast<std::size_t>(at)];
}

Value loop_cycle(Self&, const Value& value, Arguments& arguments) {
  if (arguments.positional.empty()) throw Failure("loop.cycle() needs values");
  return arguments.positional[value.loop().index % arguments.positional.size()];
}

Value loop_changed(Self& self, const Value& value, Arguments& arguments) {
  Loop& loop = value.loop();
  const Value now = self.heap().tuple(arguments.positional);
  const bool changed = !loop.has_changed || !equal(loop.changed, now, self.budget());
  loop.changed = now;
  loop.has_changed = true;
  return Value::of(changed);
}

constexpr Named kFunctions[] = {
    {"range", range_function},           {"dict", dict_function},         {"namespace", namespace_function},
    {"raise_exception", raise_function}, {"strftime_now", time_function},
};
constexpr Named kDictMethods[] = {
    {"keys", view_method<View::What::kKeys>},
    {"values", view_method<View::What::kValues>},
    {"items", view_method<View::What::kItems>},
    {"get", get_method},
    {"copy", copy_method},
};
constexpr Named kListMethods[] = {{"index", index_method}, {"count", count_method}, {"copy", copy_method}};
constexpr Named kLoopMethods[] = {
    {"index", loop_number<Place::kIndex>},
    {"index0", loop_number<Place::kIndex0>},
    {"revindex", loop_number<Place::kRevIndex>},
    {"revindex0", loop_number<Place::kRevIndex0>},
    {"length", loop_number<Place::kLength>},
    {"depth", loop_number<Place::kDepth>},
    {"depth0", loop_number<Place::kDepth0>},
    {"first", loop_first},
    {"last", loop_last},
    {"previtem", loop_neighbour<-1>},
    {"nextitem", loop_neighbour<1>},
    {"cycle", loop_cycle},
    {"changed", loop_changed},
};

constexpr std::string_view kRefusedOfStr[] = {"casefold",   "center",    "encode",       "expandtabs",
                                              "format_map", "isascii",   "isidentifier", "isprintable",
                                              "istitle",    "maketrans", "swapcase",     "translate"};
constexpr std::string_view kRefusedOfDict[] = {"clear", "fromkeys", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kRefusedOfList[] = {"append", "clear",  "extend",  "insert",
                                               "pop",    "remove", "reverse", "sort"};

}  // namespace

Value Arguments::take(const char* name, Value otherwise) {
  const auto found = std::ranges::find(named, name, &std::pair<std::string, Value>::first);
  if (used < positional.size()) {
    if (found != named.end()) throw Failure(callee + "() gets " + name + " twice");
    return positional[used++];
  }
  if (found == named.end()) return otherwise;
  const Value value = found->second;
  named.erase(found);
  return value;
}

Value Arguments::take(const char* name) {
  const bool given =
      used < positional.size() || std::ranges::find(named, name, &std::pair<std::string, Value>::first) != named.end();
  if (!given) throw Failure(callee + "() needs an argument more: " + name);
  return take(name, Value());
}

void Arguments::done() const {
  if (used < positional.size()) {
    throw Failure(callee + "() takes not more than " + std::to_string(used) + " arguments");
  }
  if (!named.empty()) throw Failure(callee + "() takes no argument " + named.front().first);
}

Native find_function(const std::string& name) { return find_in(kFunctions, name); }
Native find_dict_method(const std::string& name) { return find_in(kDictMethods, name); }
Native find_list_method(const std::string& name) { return find_in(kListMethods, name); }
Native find_loop_method(const std::string& name) { return find_in(kLoopMethods, name); }

bool refused_attribute(Kind kind, const std::string& name) {
  const auto has = [&](const auto& names) { return std::ranges::find(names, name) != std::end(names); };
  if (kind == Kind::kString) return has(kRefusedOfStr);
  if (kind == Kind::kDict) return has(kRefusedOfDict);
  return kind == Kind::kList && has(kRefusedOfList);
}

}  // namespace trireme::jinja
