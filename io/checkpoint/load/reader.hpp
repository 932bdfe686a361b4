// Loads a checkpoint: any ranks read any boxes that any other ranks wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/load/load_options.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// An open checkpoint whose manifest and box table are verified. Both references must outlive it.
class Reader {
 public:
  /// Collective: one rank reads manifest and box table, checks the shards' lengths if it sees all of them, and
  /// broadcasts the tables. Throws on every rank: DamagedCheckpoint when damaged, base::InputError when it is no
  /// checkpoint. `where` must be the same on all ranks.
  static std::unique_ptr<Reader> open(Coordinator& coordinator, base::FileSystem& files,
                                      const std::filesystem::path& step_directory, ShardLocations where = {});

  const std::filesystem::path& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  const BoxTable& table() const { return table_; }

  /// Collective: fills every wanted box, and checks the shards' other bytes too. Each checksum block is read and
  /// verified once, by one of the ranks that want it (or, when none of these sees its file, by one that sees it), and
  /// its pieces are sent to the others. Throws on every rank: base::InputError, before anything is written, when
  /// tensors are missing or unexpected or have grown (unless allowed) or when shapes differ; DamagedCheckpoint when a
  /// block is damaged (the destinations then hold undefined values).
  LoadResult load(std::span<const WantedBox> wanted, const LoadOptions& options = {});

 private:
  Reader(Coordinator& coordinator, base::FileSystem& files, std::filesystem::path path, ShardLocations where)
      : coordinator_(coordinator), files_(files), path_(std::move(path)), where_(std::move(where)) {}

  Coordinator& coordinator_;
  base::FileSystem& files_;
  std::filesystem::path path_;
  ShardLocations where_;
  Manifest manifest_;
  BoxTable table_;
};

}  // namespace trireme::checkpoint
