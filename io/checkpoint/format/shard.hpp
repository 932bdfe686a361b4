// The HDF5 side of a shard: its metadata, produced in memory. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/hdf5/image.hpp"

namespace trireme::checkpoint {

/// One dataset to be.
struct ShardBox {
  Kind kind;
  std::string tensor;
  Shape shape;  ///< of the logical tensor
  DataType dtype;
  Box box;
};

struct ShardLayout {
  hdf5::Image image;                   ///< everything but the boxes' bytes; its length is the file's
  std::vector<std::uint64_t> offsets;  ///< of each box's first byte, in the order given
  std::uint32_t metadata_crc32c = 0;   ///< of all bytes outside the boxes
};

/// `name` is for messages. Datasets are laid out in the order given.
ShardLayout lay_out_shard(const std::string& name, const std::vector<ShardBox>& boxes);

/// What [0, length) leaves outside `inside`, which must be ordered and disjoint.
std::vector<base::ByteRange> gaps(const std::vector<base::ByteRange>& inside, std::uint64_t length);

}  // namespace trireme::checkpoint
