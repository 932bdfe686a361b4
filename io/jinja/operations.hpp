// Operators and conversions of Python on values. All throw Failure where Python raises.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/jinja/value.hpp"

namespace trireme::jinja {

/// Throws the Failure of a use that an undefined value does not allow.
[[noreturn]] void fail_undefined(const Value& value);

bool truth(const Value& value);
/// str(value), and repr(value) for values inside lists.
std::string to_text(const Value& value, Budget& budget);
std::string to_repr(const Value& value, Budget& budget);
/// The value's text as a String of its own kind: a String itself stays.
Value to_string(const Value& value, Heap& heap);

bool equal(const Value& left, const Value& right, Budget& budget, std::uint32_t depth = 0);
/// `left < right`.
bool less(const Value& left, const Value& right, Budget& budget, std::uint32_t depth = 0);
/// `value in container`.
bool contains(const Value& container, const Value& value, Heap& heap);

/// op: + - * / // % **
Value arithmetic(const std::string& op, const Value& left, const Value& right, Heap& heap);
Value negative(const Value& value);
/// `format % values`.
Value format_percent(const Value& format, const Value& values, Heap& heap);

/// len(value).
std::int64_t length(const Value& value);
/// Calls `take` with each element until it returns false. Throws Failure for what is not iterable.
void iterate(const Value& value, Heap& heap, const std::function<bool(const Value&)>& take);
/// The elements in turn, as iter(value) yields them.
std::function<bool(Value&)> iterator_of(const Value& value, Heap& heap);
std::vector<Value> elements(const Value& value, Heap& heap);
bool iterable(const Value& value);

/// The value of `key`, or null. Throws Failure for a key that cannot be one (a list).
const Value* lookup(const Dict& dict, const Value& key, Budget& budget);
void insert(Dict& dict, const Value& key, const Value& value, Budget& budget);
bool hashable(const Value& value, std::uint32_t depth = 0);

/// value[start:stop:step]; undefined or none for what is left out.
Value slice(const Value& value, const Value& start, const Value& stop, const Value& step, Heap& heap);

/// json.dumps as transformers calls it.
struct JsonStyle {
  bool ascii_only = false, sort_keys = false, indented = false;
  std::string indent, item_separator = ", ", key_separator = ": ";
};
std::string to_json(const Value& value, const JsonStyle& style, Budget& budget);

/// An argument as Python's type; Failure naming `what` when it is another one.
std::int64_t whole_argument(const Value& value, const char* what);
const std::string& text_argument(const Value& value, const char* what);

}  // namespace trireme::jinja
