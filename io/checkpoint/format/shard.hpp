// The HDF5 side of a shard: produces its metadata in memory. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/hdf5/file.hpp"
#include "io/hdf5/image.hpp"

namespace trireme::checkpoint {

/// A dataset to create.
struct ShardBox {
  std::string slot;
  std::string tensor;
  Shape shape;  ///< shape of the logical tensor
  DataType dtype;
  Box box;
};

struct ShardLayout {
  hdf5::Image image;                   ///< everything except the boxes' bytes; as long as the file
  std::vector<std::uint64_t> offsets;  ///< where each box begins, in the order given
  std::uint32_t metadata_crc32c = 0;   ///< CRC32C of all bytes outside the boxes
};

/// HDF5's element type for one that checkpoints hold.
hdf5::ElementType element_type(DataType type);

/// Lays datasets out in the order given. `name` is for messages.
ShardLayout lay_out_shard(const std::string& name, const std::vector<ShardBox>& boxes);

/// The ranges of [0, length) outside `inside`, whose ranges must be ordered and disjoint.
std::vector<base::ByteRange> gaps(const std::vector<base::ByteRange>& inside, std::uint64_t length);

}  // namespace trireme::checkpoint
