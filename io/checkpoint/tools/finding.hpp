// What reading a checkpoint back looks for, and what it finds.
#pragma once

#include <string>

namespace trireme::checkpoint {

struct Finding {
  std::string subject;  ///< as in DamagedCheckpoint
  std::string problem;
};

/// What is checked of a shard beyond its checksums. Checksums show only that the shard is as it was written. Whoever
/// wrote it may have meant harm, and other programs see what HDF5's metadata say. libhdf5 opens only shards whose
/// metadata have the right checksum.
enum class ShardCheck {
  kBytes,    ///< nothing more: for a checkpoint that this process wrote
  kStorage,  ///< HDF5 finds all data in the shard itself: no link elsewhere, no external file, no filter
  kDeep,     ///< also, HDF5 finds what BOXES.bin says: places, shapes, types, attributes, nothing missing or extra
};

}  // namespace trireme::checkpoint
