// Loading: any ranks read any boxes from a checkpoint that any other ranks wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/box_data.hpp"
#include "io/checkpoint/box_table.hpp"
#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/manifest.hpp"

namespace trireme::checkpoint {

/// "grow:embed.tokens" in LoadOptions::allow: that tensor may have more rows than in the checkpoint.
inline constexpr const char* kGrow = "grow:";

struct LoadOptions {
  /// Only tensors of these kinds are looked at: {kParam} takes the weights alone from a checkpoint that holds more.
  std::vector<Kind> kinds = {Kind::kParam, Kind::kAdamM, Kind::kAdamV};
  /// Names of tensors that may be missing from the checkpoint (their memory is left alone) or be there unwanted; with
  /// kGrow before it, the name of one whose first rows alone are in the checkpoint (the memory of the others is left
  /// alone).
  std::vector<std::string> allow;
  /// Only a part is wanted: tensors of the checkpoint that nobody wants are passed over.
  bool part = false;
  /// Bytes that one rank receives in one round, roughly; bounds the memory used beside the destinations.
  std::uint64_t round_bytes = 256 << 20;
};

/// The same on all ranks, but for `seconds`.
struct LoadResult {
  std::vector<std::string> missing;     ///< "param head.weight": wanted, allowed and not in the checkpoint
  std::vector<std::string> unexpected;  ///< in the checkpoint, allowed and wanted by nobody
  std::vector<std::string> grown;       ///< "param embed.tokens from 61 to 64 rows"
  std::vector<std::string> unknown;     ///< words of LoadOptions::allow that name no tensor of either side
  std::uint64_t bytes_read = 0;         ///< of the shards, by all ranks together
  double seconds = 0;                   ///< that the load took on this rank
};

/// Where the files of a checkpoint can be read that lies in pieces on the nodes' own disks.
struct Whereabouts {
  int tables = 0;  ///< a rank that sees MANIFEST.json and BOXES.bin
  /// Of each shard, in the manifest's order: the ranks that see it, at least one. Empty: all see all.
  std::vector<std::vector<int>> shards;
};

/// An open checkpoint whose manifest and box table are verified. Both references must outlive it.
class Reader {
 public:
  /// Collective: one rank reads manifest and box table, checks the shards' lengths if it sees all of them, and
  /// broadcasts. On every rank: DamagedCheckpoint when damaged, base::InputError when it is no checkpoint. `where` is
  /// the same on all ranks.
  static std::unique_ptr<Reader> open(Coordinator& coordinator, base::FileSystem& files,
                                      const std::filesystem::path& step_directory, Whereabouts where = {});

  const std::filesystem::path& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  const BoxTable& table() const { return table_; }

  /// Collective: fills every wanted box, and checks the shards' other bytes too. Each checksum block is read and
  /// verified once, by one of the ranks that want it (or, when none of these sees its file, by one that does), and its
  /// pieces are sent to the others. On every rank:
  /// base::InputError when tensors are missing or unexpected or have grown (unless allowed) or shapes differ, before
  /// anything is written; DamagedCheckpoint when a block is damaged (the destinations then hold undefined values).
  LoadResult load(std::span<const WantedBox> wanted, const LoadOptions& options = {});

 private:
  Reader(Coordinator& coordinator, base::FileSystem& files, std::filesystem::path path, Whereabouts where)
      : coordinator_(coordinator), files_(files), path_(std::move(path)), where_(std::move(where)) {}

  Coordinator& coordinator_;
  base::FileSystem& files_;
  std::filesystem::path path_;
  Whereabouts where_;
  Manifest manifest_;
  BoxTable table_;
};

}  // namespace trireme::checkpoint
