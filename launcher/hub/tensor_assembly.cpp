#include "launcher/hub/tensor_assembly.hpp"

#include <algorithm>
#include <span>

#include "launcher/hub/elements.hpp"
#include "launcher/hub/tensor_writer.hpp"

namespace trireme::launcher {

using checkpoint::Block;
using topology::Box;

bool TensorAssembly::takes(const ExportTensor& tensor) {
  const auto& shape = tensor.place.shape;
  if (!tensor.meaning.transposed || shape.size() != 2) return false;
  const auto row_bytes = static_cast<std::int64_t>(tensor.place.bytes()) / std::max<std::int64_t>(1, shape[0]);
  return row_bytes > 0 && row_bytes <= kBuffer && shape[0] <= 2 * (kBuffer / row_bytes);
}

void TensorAssembly::write(const ExportTensor& tensor, const std::function<void(std::uint64_t)>& read) {
  const auto& shape = tensor.place.shape;
  const std::int64_t row_bytes = shape[1] * safetensors::bits_of(tensor.place.type) / 8;
  if (buffer_.size() == 0) buffer_ = base::AlignedBuffer(kBuffer);
  for (Piece piece{0, 0}; piece.first < shape[0]; piece.first = piece.end) {
    piece.end = std::min(shape[0], piece.first + kBuffer / row_bytes);
    std::int64_t first_row = 0;
    for (const std::string& part : tensor.meaning.parts) {
      std::int64_t rows = 0;
      for (const Block& block : blocks_.at(part)) {
        const std::span<const char> data = reader_.read(block);
        put(tensor, piece, first_row, block, data);
        if (piece.first == 0) read(data.size());
        rows = opened_.table.tensors[block.box->tensor].shape[0];
      }
      first_row += rows;
    }
    out_.of(directory_ / plan_.shards[tensor.shard].name)
        .write(buffer_.data(), static_cast<std::uint64_t>((piece.end - piece.first) * row_bytes),
               tensor.offset + static_cast<std::uint64_t>(piece.first * row_bytes));
  }
}

// Element (r, c) of the logical tensor is element (c, first_row + r) of the file's matrix.
void TensorAssembly::put(const ExportTensor& tensor, const Piece& piece, std::int64_t first_row, const Block& block,
                         std::span<const char> data) {
  const auto type = opened_.table.tensors[block.box->tensor].dtype;
  const auto stored = static_cast<std::int64_t>(size_of(type));
  const std::int64_t element = safetensors::bits_of(tensor.place.type) / 8;
  const std::int64_t width = tensor.place.shape[1];
  const Box& box = block.box->box;
  const auto first = static_cast<std::int64_t>(block.block * checkpoint::kBlockBytes) / stored;
  const auto* bytes = reinterpret_cast<const std::byte*>(data.data());
  for (const Box& run : topology::boxes_of_range(box.size, first, static_cast<std::int64_t>(data.size()) / stored)) {
    const std::int64_t column = box.offset[1] + run.offset[1];
    const std::int64_t from = std::max(column, piece.first);
    const std::int64_t end = std::min(column + run.size[1], piece.end);
    if (from < end) {
      const std::int64_t at = (from - piece.first) * width + first_row + box.offset[0] + run.offset[0];
      if (!narrow_transposed(type, bytes + (from - column) * stored, {run.size[0], end - from, run.size[1], width},
                             tensor.place.type, buffer_.data() + at * element)) {
        refuse_overflow(tensor);
      }
    }
    bytes += run.elements() * stored;
  }
}

}  // namespace trireme::launcher
