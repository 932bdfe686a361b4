// BOXES.bin: where every stored box of every tensor lies, with the checksums of its bytes
// (docs/checkpoint_format.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint/format/box_data.hpp"

namespace trireme::checkpoint {

inline constexpr std::uint64_t kBlockBytes = 16 << 20;  ///< bytes of a box that share one CRC32C

struct TableBox {
  std::uint32_t tensor = 0;  ///< index into BoxTable::tensors
  std::uint32_t file = 0;    ///< index into Manifest::files
  Box box;
  std::uint64_t offset = 0;           ///< of the box's first byte in the file
  std::vector<std::uint32_t> crc32c;  ///< one for each checksum block; the last block is shorter
};

struct TableTensor {
  std::string slot = kParam;
  std::string name;
  Shape shape;
  DataType dtype = DataType::kFloat32;
  std::size_t first_box = 0;  ///< its boxes are BoxTable::boxes[first_box .. first_box + box_count)
  std::size_t box_count = 0;
};

/// Tensors in TensorOrder, boxes by (tensor, box).
struct BoxTable {
  std::vector<TableTensor> tensors;
  std::vector<TableBox> boxes;

  std::uint64_t bytes_of(const TableBox& box) const;
  /// Index of a tensor, or -1.
  std::ptrdiff_t find(std::string_view slot, std::string_view name) const;
  /// The slots that it has, in order.
  std::vector<std::string> slots() const;
  /// The slots that it has of the logical tensor `name`, in order; none when it does not know that tensor.
  std::vector<std::string> slots_of(std::string_view name) const;
};

/// Sorts boxes that were appended in any order into the table's order, and sets first_box and box_count of the tensors.
void order_boxes(BoxTable& table);

/// "param layers.0.ffn.up.weight [0:64, 0:16]".
std::string describe(const BoxTable& table, const TableBox& box);

/// The path of a box's dataset in its shard: "/param/layers.0.ffn.up.weight/0:64,0:16"; "all" for a scalar.
std::string dataset_path(const std::string& slot, const std::string& tensor, const Box& box);

/// The bytes of BOXES.bin, version 2, for `file_count` shards. Throws base::Error for more slots than fit.
std::string to_bytes(const BoxTable& table, std::size_t file_count);

/// Parses bytes that may hold anything: every count is compared with the length before memory is allocated, every
/// index, range and product before it is used. `file_lengths`: the length of each shard; boxes must lie inside, without
/// overlap. `version`: the format version, 1 or 2, in which they must be. Throws DamagedCheckpoint for
/// `step_directory`.
BoxTable parse_boxes(std::string_view bytes, const std::vector<std::uint64_t>& file_lengths, std::int64_t version,
                     const std::filesystem::path& step_directory);

/// Throws base::Error naming the tensor unless its boxes, given in order, are disjoint and together are the whole
/// tensor.
void check_coverage(std::string_view slot, const std::string& name, const Shape& shape,
                    std::span<const Box* const> boxes);
/// Makes that check for each tensor of the table.
void check_coverage(const BoxTable& table);

}  // namespace trireme::checkpoint
