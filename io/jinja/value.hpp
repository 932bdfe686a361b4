// The values of a template: those of Python that JSON has, and what the language itself makes.
//
// A value is a word or a pointer into the Heap of its rendering, so it is copied freely and dies with the heap. Nothing
// is counted: namespaces can hold themselves, and a list of a million lists is freed without recursion.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/jinja/limits.hpp"

namespace trireme::jinja {

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kRange,
  kView,       ///< dict.keys(), dict.values(), dict.items()
  kIterator,   ///< yields each element once: what map, select and reverse return
  kNamespace,  ///< namespace(): the only value that a template can change
  kLoop,       ///< the variable `loop`
  kCallable,   ///< a macro, a function, a method of a value
};

struct Object {
  virtual ~Object() = default;
};
struct String;
struct Sequence;
struct Dict;
struct Range;
struct View;
struct Iterator;
struct Namespace;
struct Loop;
struct Callable;

class Value {
 public:
  Value() = default;  ///< undefined, of which nothing is known
  static Value none() { return Value(Kind::kNone); }
  static Value of(bool value);
  static Value of(std::int64_t value);
  static Value of(double value);
  /// `kind` says which Object it is; null for an undefined value without a name.
  static Value of(Kind kind, Object* object);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool string() const { return kind_ == Kind::kString; }
  /// True for bool, int and float, as in Python.
  bool number() const { return kind_ == Kind::kBool || kind_ == Kind::kInt || kind_ == Kind::kFloat; }
  /// True for bool and int.
  bool whole() const { return kind_ == Kind::kBool || kind_ == Kind::kInt; }
  bool list_or_tuple() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }

  bool boolean() const { return integer_ != 0; }
  std::int64_t integer() const { return integer_; }  ///< of a bool too
  double floating() const { return kind_ == Kind::kFloat ? floating_ : static_cast<double>(integer_); }

  // The object behind a value of that kind.
  const String& as_string() const;
  const std::string& text() const;
  const Sequence& sequence() const;
  const Dict& dict() const;
  const Range& range() const;
  const View& view() const;
  Iterator& iterator() const;
  Namespace& names() const;
  Loop& loop() const;
  const Callable& callable() const;
  Object* object() const { return object_; }

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  union {
    std::int64_t integer_ = 0;
    double floating_;
    Object* object_;
  };
};

struct String : Object {
  std::string text;        ///< well-formed UTF-8
  std::size_t length = 0;  ///< code points
  bool markup = false;     ///< made by the filters safe and escape
  bool ascii() const { return length == text.size(); }
};

/// A list or a tuple.
struct Sequence : Object {
  std::vector<Value> items;
};

/// Keeps the order of insertion. It is small: a lookup compares with every key and counts that as steps.
struct Dict : Object {
  std::vector<std::pair<Value, Value>> items;
};

struct Range : Object {
  std::int64_t start = 0, step = 1, count = 0;
  Value at(std::int64_t index) const { return Value::of(start + index * step); }
};

struct View : Object {
  enum class What : std::uint8_t { kKeys, kValues, kItems } what = What::kKeys;
  const Dict* dict = nullptr;
};

struct Iterator : Object {
  std::function<bool(Value&)> next;  ///< stores the next element; false at the end
};

struct Namespace : Object {
  std::vector<std::pair<std::string, Value>> items;
};

struct Loop : Object {
  std::vector<Value> items;
  std::size_t index = 0;
  std::int64_t depth = 1;
  Value changed;
  bool has_changed = false;
};

class Interpreter;
struct Arguments;
using Native = Value (*)(Interpreter& interpreter, const Value& self, Arguments& arguments);

struct Callable : Object {
  std::string name;
  Native native = nullptr;
  Value self;
};

/// Owns the objects of one rendering and counts their bytes.
class Heap {
 public:
  explicit Heap(Budget& budget) : budget_(budget) {}

  Value string(std::string text, bool markup = false);
  Value list(std::vector<Value> items) { return sequence(Kind::kList, std::move(items)); }
  Value tuple(std::vector<Value> items) { return sequence(Kind::kTuple, std::move(items)); }
  Value undefined(std::string description);
  Value iterator(std::function<bool(Value&)> next);
  template <typename T>
  T* make(std::size_t extra_bytes = 0) {
    budget_.bytes(sizeof(T) + extra_bytes + kOverhead);
    objects_.push_back(std::make_unique<T>());
    return static_cast<T*>(objects_.back().get());
  }
  Budget& budget() { return budget_; }

 private:
  static constexpr std::size_t kOverhead = 24;
  Value sequence(Kind kind, std::vector<Value> items);

  Budget& budget_;
  std::vector<std::unique_ptr<Object>> objects_;
};

/// "str", "list", "Undefined", …: Python's name of the type, for messages.
std::string type_name(const Value& value);

inline Value Value::of(bool value) {
  Value result(Kind::kBool);
  result.integer_ = value ? 1 : 0;
  return result;
}
inline Value Value::of(std::int64_t value) {
  Value result(Kind::kInt);
  result.integer_ = value;
  return result;
}
inline Value Value::of(double value) {
  Value result(Kind::kFloat);
  result.floating_ = value;
  return result;
}
inline Value Value::of(Kind kind, Object* object) {
  Value result(kind);
  result.object_ = object;
  return result;
}
inline const String& Value::as_string() const { return static_cast<const String&>(*object_); }
inline const std::string& Value::text() const { return as_string().text; }
inline const Sequence& Value::sequence() const { return static_cast<const Sequence&>(*object_); }
inline const Dict& Value::dict() const { return static_cast<const Dict&>(*object_); }
inline const Range& Value::range() const { return static_cast<const Range&>(*object_); }
inline const View& Value::view() const { return static_cast<const View&>(*object_); }
inline Iterator& Value::iterator() const { return static_cast<Iterator&>(*object_); }
inline Namespace& Value::names() const { return static_cast<Namespace&>(*object_); }
inline Loop& Value::loop() const { return static_cast<Loop&>(*object_); }
inline const Callable& Value::callable() const { return static_cast<const Callable&>(*object_); }

}  // namespace trireme::jinja
