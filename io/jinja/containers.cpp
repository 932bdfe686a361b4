// Lists, dictionaries, ranges and what iterates over them.
#include <algorithm>
#include <memory>
#include <utility>

#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

Value view_element(const View& view, std::size_t index, Heap& heap) {
  const auto& [key, value] = view.dict->items[index];
  if (view.what == View::What::kKeys) return key;
  if (view.what == View::What::kValues) return value;
  return heap.tuple({key, value});
}

struct Slice {
  std::int64_t start = 0, step = 1, count = 0;
};

// Python's slice.indices(): which of `size` elements are meant.
Slice slice_of(std::int64_t size, const Value& start, const Value& stop, const Value& step) {
  const auto part = [](const Value& value, const char* what) { return whole_argument(value, what); };
  Slice result;
  if (!step.is_none()) result.step = part(step, "the step of a slice");
  if (result.step == 0) throw Failure("the step of a slice is zero");
  if (result.step < -INT64_MAX) result.step = -INT64_MAX;
  const bool down = result.step < 0;
  const std::int64_t low = down ? -1 : 0, high = down ? size - 1 : size;
  const auto place = [&](const Value& value, std::int64_t otherwise) {
    if (value.is_none()) return otherwise;
    std::int64_t at = part(value, "the bound of a slice");
    if (at < 0) at += size;  // size is not negative: no overflow
    return std::clamp(at, low, high);
  };
  result.start = place(start, down ? high : low);
  const std::int64_t end = place(stop, down ? low : high);
  const std::int64_t distance = down ? result.start - end : end - result.start;
  const std::int64_t stride = down ? -result.step : result.step;
  result.count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  return result;
}

Value slice_text(const std::string& text, const Slice& part, bool ascii, Heap& heap) {
  if (part.step == 1) {
    const auto start = static_cast<std::size_t>(part.start), count = static_cast<std::size_t>(part.count);
    heap.budget().steps(ascii ? 0 : text.size() / 16);
    const std::size_t begin = ascii ? start : byte_of(text, start);
    const std::size_t size = ascii ? count : byte_of(std::string_view(text).substr(begin), count);
    return heap.string(text.substr(begin, size));
  }
  heap.budget().bytes(text.size() * sizeof(std::string_view));
  heap.budget().steps(text.size() / 8);
  Pieces characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    next_code_point(text, at);
    characters.push_back(std::string_view(text).substr(begin, at - begin));
  }
  std::string result;
  for (std::int64_t i = 0; i < part.count; ++i) {
    result += characters[static_cast<std::size_t>(part.start + i * part.step)];
  }
  return heap.string(std::move(result));
}

}  // namespace

std::int64_t length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return 0;
    case Kind::kString: return static_cast<std::int64_t>(value.as_string().length);
    case Kind::kList:
    case Kind::kTuple: return static_cast<std::int64_t>(value.sequence().items.size());
    case Kind::kDict: return static_cast<std::int64_t>(value.dict().items.size());
    case Kind::kView: return static_cast<std::int64_t>(value.view().dict->items.size());
    case Kind::kRange: return value.range().count;
    case Kind::kLoop: return static_cast<std::int64_t>(value.loop().items.size());
    default: throw Failure("a value of type " + type_name(value) + " has no length");
  }
}

bool iterable(const Value& value) {
  return !value.is_none() && !value.number() && !value.is(Kind::kNamespace) && !value.is(Kind::kCallable);
}

std::function<bool(Value&)> iterator_of(const Value& value, Heap& heap) {
  if (!iterable(value) || value.is(Kind::kLoop)) {
    throw Failure("a value of type " + type_name(value) + " has no elements to go through");
  }
  if (value.is(Kind::kIterator)) {
    return [&iterator = value.iterator(), &heap](Value& next) {
      const Level level(heap.budget());
      return iterator.next(next);
    };
  }
  const std::int64_t size = value.string() ? static_cast<std::int64_t>(value.text().size()) : length(value);
  return [value, size, &heap, at = std::int64_t{0}](Value& next) mutable {
    if (at >= size) return false;
    heap.budget().steps(1);
    const auto index = static_cast<std::size_t>(at++);
    switch (value.kind()) {
      case Kind::kString: {
        std::size_t end = index;
        next_code_point(value.text(), end);
        next = heap.string(value.text().substr(index, end - index));
        at = static_cast<std::int64_t>(end);
        break;
      }
      case Kind::kDict: next = value.dict().items[index].first; break;
      case Kind::kView: next = view_element(value.view(), index, heap); break;
      case Kind::kRange: next = value.range().at(static_cast<std::int64_t>(index)); break;
      default: next = value.sequence().items[index];
    }
    return true;
  };
}

void iterate(const Value& value, Heap& heap, const std::function<bool(const Value&)>& take) {
  const std::function<bool(Value&)> next = iterator_of(value, heap);
  for (Value element; next(element);) {
    if (!take(element)) return;
  }
}

std::vector<Value> elements(const Value& value, Heap& heap) {
  std::vector<Value> items;
  iterate(value, heap, [&](const Value& item) {
    heap.budget().bytes(sizeof(Value));
    items.push_back(item);
    return true;
  });
  return items;
}

bool hashable(const Value& value, std::uint32_t depth) {
  if (depth > Limits::kValues) throw Failure("a key holds tuples too deeply inside each other");
  if (value.is(Kind::kTuple)) {
    return std::ranges::all_of(value.sequence().items, [&](const Value& item) { return hashable(item, depth + 1); });
  }
  return !value.is(Kind::kList) && !value.is(Kind::kDict) && !value.undefined();
}

const Value* lookup(const Dict& dict, const Value& key, Budget& budget) {
  if (!hashable(key)) {
    if (key.undefined()) return nullptr;
    throw Failure("a value of type " + type_name(key) + " cannot be a key");
  }
  budget.steps(dict.items.size() / 8);
  for (const auto& [known, value] : dict.items) {
    if (equal(known, key, budget)) return &value;
  }
  return nullptr;
}

void insert(Dict& dict, const Value& key, const Value& value, Budget& budget) {
  if (!hashable(key)) throw Failure("a value of type " + type_name(key) + " cannot be a key");
  if (const Value* const old = lookup(dict, key, budget)) {
    *const_cast<Value*>(old) = value;
    return;
  }
  budget.bytes(2 * sizeof(Value));
  dict.items.emplace_back(key, value);
}

Value slice(const Value& value, const Value& start, const Value& stop, const Value& step, Heap& heap) {
  if (value.undefined()) fail_undefined(value);
  if (!value.list_or_tuple() && !value.string() && !value.is(Kind::kRange)) {
    throw Failure("a value of type " + type_name(value) + " has no slices");
  }
  const Slice part = slice_of(length(value), start, stop, step);
  if (value.string()) return slice_text(value.text(), part, value.as_string().ascii(), heap);
  if (value.is(Kind::kRange)) {
    Range* const range = heap.make<Range>();
    range->start = value.range().start + part.start * value.range().step;
    if (part.count > 1) range->step = value.range().step * part.step;
    range->count = part.count;
    return Value::of(Kind::kRange, range);
  }
  std::vector<Value> items;
  heap.budget().steps(static_cast<std::uint64_t>(part.count));
  for (std::int64_t i = 0; i < part.count; ++i) {
    items.push_back(value.sequence().items[static_cast<std::size_t>(part.start + i * part.step)]);
  }
  return value.is(Kind::kList) ? heap.list(std::move(items)) : heap.tuple(std::move(items));
}

}  // namespace trireme::jinja
