// Writes a checkpoint from one process, without ranks, whose values are made block by block: a converted model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

/// A parameter, stored as one box.
struct WholeTensor {
  std::string name;  ///< logical name, as StoredBox::tensor
  Shape shape;
  DataType dtype = DataType::kFloat32;  ///< fp32 or fp64
};

/// Puts elements [first, first + count) of tensor number `tensor`, in row-major order, at `into`. An exception ends the
/// writing.
using FillBlock = std::function<void(std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* into)>;

struct WholeWriting {
  std::vector<WholeTensor> tensors;  ///< in the order in which they lie in the shards; names are unique
  /// Makes what fills blocks for one thread, so it may own buffers and open files.
  std::function<FillBlock()> make_fill;
  std::string hub;                                     ///< content of HUB.json; "": none
  int threads = 1;                                     ///< each holds about 48 MiB
  std::uint64_t shard_bytes = std::uint64_t{4} << 30;  ///< a shard ends with the tensor that reaches this
  /// Called with the bytes written so far, by any thread; false ends the writing with base::Stopped.
  std::function<bool(std::uint64_t bytes)> progress = [](std::uint64_t) { return true; };
};

/// Fills the empty directory `directory` with the files of a checkpoint and fsyncs all of it; the caller gives it its
/// name. `manifest` says what the checkpoint is; files, boxes and checksum are set here. Returns the total length of
/// the files. Throws what `make_fill` and its results throw, base::IoError, base::Stopped, base::Error for names that
/// cannot be stored; what was written then stays for the caller to remove.
std::uint64_t write_whole(base::FileSystem& files, const std::filesystem::path& directory, Manifest manifest,
                          const WholeWriting& writing);

}  // namespace trireme::checkpoint
