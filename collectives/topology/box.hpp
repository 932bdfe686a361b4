// A box: a hyper-rectangle of a logical tensor, and the few operations on it that resharding needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::topology {

using Shape = std::vector<std::int64_t>;

/// The elements with offset[d] <= i < offset[d] + size[d] in every dim d. It has as many dims as the tensor; a scalar's
/// box has none.
struct Box {
  Shape offset;
  Shape size;

  bool operator==(const Box&) const = default;
  auto operator<=>(const Box&) const = default;

  /// Number of elements; 0 when any size is 0.
  std::int64_t elements() const;
  bool empty() const { return elements() == 0; }
};

std::int64_t elements_of(const Shape& shape);
/// The box that is the whole tensor.
Box whole(const Shape& shape);
/// The part that both boxes have in common, or nothing.
std::optional<Box> intersect(const Box& a, const Box& b);
/// Whether the boxes have a common element.
bool overlap(const Box& a, const Box& b);
/// The number of the element at index `at` of the tensor among those of a box that contains it, in row-major order.
std::int64_t index_in(const Box& box, const Shape& at);
/// Divides the flat row-major range [first, first+count) of a tensor of this shape into boxes that lie one after
/// another in it: at most 3 for a matrix. Example: shape (3,4), range [2,9) -> row 0 cols 2..3, row 1, row 2 col 0.
std::vector<Box> boxes_of_range(const Shape& shape, std::int64_t first, std::int64_t count);
/// "[0:4, 8:16]".
std::string to_string(const Box& box);

/// Copies the elements of `part` from a dense row-major buffer that holds `from` to one that holds `to`. Both are boxes
/// of the same tensor and contain `part`. element_size is in bytes.
void copy_box(const Box& part, const Box& from, const void* source, const Box& to, void* destination,
              std::size_t element_size);

}  // namespace trireme::topology
