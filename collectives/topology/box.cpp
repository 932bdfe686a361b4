#include "collectives/topology/box.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.hpp"

namespace trireme::topology {

namespace {

/// Row-major strides in elements.
Shape strides_of(const Shape& size) {
  Shape strides(size.size(), 1);
  for (std::size_t d = size.size(); d-- > 1;) strides[d - 1] = strides[d] * size[d];
  return strides;
}

/// The flat index of `part`'s first element in a dense buffer that holds `holder`.
std::int64_t first_index(const Box& part, const Box& holder, const Shape& strides) {
  std::int64_t index = 0;
  for (std::size_t d = 0; d < strides.size(); ++d) index += (part.offset[d] - holder.offset[d]) * strides[d];
  return index;
}

void require_inside(const Box& part, const Box& holder) {
  const auto common = intersect(part, holder);
  if (!common || *common != part) {
    throw base::Error(base::str("piece ", to_string(part), " does not lie inside piece ", to_string(holder)));
  }
}

/// Appends the boxes of [first, first+count) within dims [d, rank), each with `prefix` (one index per outer dim).
void append_boxes(const Shape& shape, Shape& prefix, std::int64_t first, std::int64_t count, std::vector<Box>& boxes) {
  if (count == 0) return;
  const std::size_t d = prefix.size();
  std::int64_t row = 1;
  for (std::size_t i = d + 1; i < shape.size(); ++i) row *= shape[i];
  const auto partial_row = [&](std::int64_t index, std::int64_t begin, std::int64_t elements) {
    prefix.push_back(index);
    append_boxes(shape, prefix, begin, elements, boxes);
    prefix.pop_back();
  };
  if (first % row != 0) {
    const std::int64_t elements = std::min(row - first % row, count);
    partial_row(first / row, first % row, elements);
    first += elements;
    count -= elements;
  }
  const std::int64_t rows = count / row;
  if (rows > 0) {
    Box box{prefix, Shape(d, 1)};
    box.offset.push_back(first / row);
    box.size.push_back(rows);
    for (std::size_t i = d + 1; i < shape.size(); ++i) {
      box.offset.push_back(0);
      box.size.push_back(shape[i]);
    }
    boxes.push_back(std::move(box));
  }
  if (count % row != 0) partial_row(first / row + rows, 0, count % row);
}

}  // namespace

std::int64_t Box::elements() const { return elements_of(size); }

std::int64_t elements_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

Box whole(const Shape& shape) { return {Shape(shape.size(), 0), shape}; }

std::optional<Box> intersect(const Box& a, const Box& b) {
  if (a.offset.size() != b.offset.size()) {
    throw base::Error(base::str("pieces ", to_string(a), " and ", to_string(b), " are of different tensors"));
  }
  Box common = a;
  for (std::size_t d = 0; d < a.offset.size(); ++d) {
    const std::int64_t begin = std::max(a.offset[d], b.offset[d]);
    const std::int64_t end = std::min(a.offset[d] + a.size[d], b.offset[d] + b.size[d]);
    if (begin >= end) return std::nullopt;
    common.offset[d] = begin;
    common.size[d] = end - begin;
  }
  return common;
}

bool overlap(const Box& a, const Box& b) {
  for (std::size_t d = 0; d < a.offset.size(); ++d) {
    if (std::max(a.offset[d], b.offset[d]) >= std::min(a.offset[d] + a.size[d], b.offset[d] + b.size[d])) return false;
  }
  return true;
}

std::int64_t index_in(const Box& box, const Shape& at) {
  std::int64_t index = 0;
  for (std::size_t d = 0; d < at.size(); ++d) index = index * box.size[d] + at[d] - box.offset[d];
  return index;
}

std::vector<Box> boxes_of_range(const Shape& shape, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first + count > elements_of(shape)) {
    throw base::Error(base::str("the range of ", count, " elements from ", first, " is outside a tensor of ",
                                elements_of(shape), " elements"));
  }
  std::vector<Box> boxes;
  if (count == 0) return boxes;
  if (shape.empty()) return {Box{}};
  Shape prefix;
  append_boxes(shape, prefix, first, count, boxes);
  return boxes;
}

std::string to_string(const Box& box) {
  std::string text = "[";
  for (std::size_t d = 0; d < box.offset.size(); ++d) {
    if (d > 0) text += ", ";
    text += std::to_string(box.offset[d]) + ":" + std::to_string(box.offset[d] + box.size[d]);
  }
  return text + "]";
}

void copy_box(const Box& part, const Box& from, const void* source, const Box& to, void* destination,
              std::size_t element_size) {
  if (part.empty()) return;
  require_inside(part, from);
  require_inside(part, to);
  const std::size_t rank = part.size.size();
  const Shape from_strides = strides_of(from.size);
  const Shape to_strides = strides_of(to.size);
  const char* input =
      static_cast<const char*>(source) + static_cast<std::size_t>(first_index(part, from, from_strides)) * element_size;
  char* output =
      static_cast<char*>(destination) + static_cast<std::size_t>(first_index(part, to, to_strides)) * element_size;

  // One memcpy covers the innermost dims that are complete in both holders, plus one more dim.
  std::size_t outer = rank;
  std::int64_t run = 1;
  while (outer > 0) {
    --outer;
    run *= part.size[outer];
    if (part.size[outer] != from.size[outer] || part.size[outer] != to.size[outer]) break;
  }
  const std::size_t run_bytes = static_cast<std::size_t>(run) * element_size;
  Shape index(outer, 0);
  while (true) {
    std::memcpy(output, input, run_bytes);
    std::size_t d = outer;
    for (; d-- > 0;) {
      input += from_strides[d] * static_cast<std::int64_t>(element_size);
      output += to_strides[d] * static_cast<std::int64_t>(element_size);
      if (++index[d] < part.size[d]) break;
      input -= from_strides[d] * part.size[d] * static_cast<std::int64_t>(element_size);
      output -= to_strides[d] * part.size[d] * static_cast<std::int64_t>(element_size);
      index[d] = 0;
    }
    if (d == std::size_t(-1)) return;
  }
}

}  // namespace trireme::topology
