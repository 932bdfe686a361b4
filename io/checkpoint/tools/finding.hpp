// What reading a checkpoint back looks for, and what it finds.
#pragma once

#include <string>

namespace trireme::checkpoint {

struct Finding {
  std::string subject;  ///< as in DamagedCheckpoint
  std::string problem;
};

/// What is asked of a shard beyond its checksums, which say only that it is as it was written: whoever wrote it may
/// have been an enemy, and what other programs see is what HDF5's metadata say. libhdf5 opens only shards whose
/// metadata have the right checksum.
enum class ShardCheck {
  kBytes,    ///< nothing: for a checkpoint that this process wrote
  kStorage,  ///< that HDF5 finds all data in the shard itself: no link elsewhere, no external file, no filter
  kDeep,     ///< also that it finds what BOXES.bin says: places, shapes, types, attributes, nothing missing or extra
};

}  // namespace trireme::checkpoint
