// The header of a safetensors file: which tensors it holds, and where.
//
// A file is 8 bytes (the header's length, little-endian), the header (JSON, then spaces), and the tensors' bytes
// without gaps. The header is one object: `__metadata__`, if it is there, maps texts to texts; every other member is a
// tensor
// {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, with offsets counted from the header's end. See
// https://github.com/huggingface/safetensors#format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/safetensors/element_type.hpp"

namespace trireme::safetensors {

inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  ///< the library's limit
inline constexpr std::size_t kMaxDims = 64;
inline constexpr std::size_t kMaxTensors = std::size_t{1} << 20;
inline constexpr std::size_t kLengthBytes = 8;  ///< before the header

struct Tensor {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<std::int64_t> shape;  ///< row-major; none for a scalar
  std::uint64_t begin = 0;          ///< offset of the first byte from the header's end
  std::uint64_t end = 0;

  std::uint64_t bytes() const { return end - begin; }
  bool operator==(const Tensor&) const = default;
};

/// Texts by name, in the file's order.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Header {
  std::vector<Tensor> tensors;  ///< in the order of their bytes
  Metadata metadata;

  std::uint64_t data_bytes() const { return tensors.empty() ? 0 : tensors.back().end; }
  bool operator==(const Header&) const = default;
};

/// Parses the header's text, which may be anything: `text` is what the 8 bytes count, without them, and `data_bytes`
/// the number of bytes that follow it in the file. Throws base::InputError naming `file` and the tensor for text that
/// is no such object, a member or name given twice, an unknown type, a size that overflows, offsets that are not what
/// type and shape say, an overlap, a hole, and tensors that end before or behind the data.
Header parse_header(std::string_view text, std::uint64_t data_bytes, const std::string& file);

/// The header as the library writes it, padded with spaces to a multiple of 8 bytes; the 8 bytes of the length come
/// first. `header` must be what parse_header() accepts.
std::string header_bytes(const Header& header);

/// Sets the offsets of tensors that lie one after another in the given order. Throws base::InputError naming the tensor
/// whose size overflows.
void place(std::vector<Tensor>& tensors);

/// Sorts tensors as the library's save_file() does: by type, the last of ElementType first, then by name.
void sort_as_library(std::vector<Tensor>& tensors);

}  // namespace trireme::safetensors
