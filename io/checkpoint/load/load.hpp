// One collective load. Private to io/checkpoint.
//
// Worked example: the tensor W (4, 4) in fp32 is stored as box 0 = [0:2, 0:4] and box 1 = [2:4, 0:4]. Each is shorter
// than a checksum block (16 MiB), so each is one unit: (0, 0) and (1, 0). Two ranks load W: rank 0 wants the columns
// [0:4, 0:2], rank 1 the columns [0:4, 2:4].
// 1. agree_on_tensors: each rank compares what it wants with the box table, rank 0 merges the results: W is there.
// 2. find_units: each rank needs 4 elements of each unit, together the 8 elements that its box has.
// 3. find_readers: both ranks send their wish for unit (0, 0) to rank (0 + 0) mod 2 = 0, its directory rank, and that
//    for unit (1, 0) to rank 1. A directory rank picks as reader, among the ranks that want the unit, the one to which
//    it has given the least to read so far, itself first among equals: rank 0 reads unit (0, 0), rank 1 reads unit
//    (1, 0).
// 4. run_rounds: rank 0 reads the 8 elements of unit (0, 0) and verifies their checksum. It copies elements 0, 1, 4 and
//    5 to rows 0 and 1 of its own box and sends elements 2, 3, 6 and 7 to rank 1, which copies them to rows 0 and 1 of
//    its box. Rank 1 does the same with unit (1, 0) and rows 2 and 3. One round is enough here; a round moves about
//    LoadOptions::round_bytes to each rank.
// 5. check_shards: for each shard one rank reads the bytes outside boxes, here rank 0 for shard 0 and rank 1 for shard
//    1.
// 6. agree_on_damage: all ranks learn of the first failure, damage before anything else.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/load/load_options.hpp"
#include "io/checkpoint/load/load_units.hpp"
#include "io/checkpoint/load/unit_reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// The open checkpoint that a Reader passes to a load.
struct OpenTables {
  const Manifest& manifest;
  const BoxTable& table;
  const ShardLocations& where;
};

/// Runs the steps of Reader::load in order.
class Load {
 public:
  Load(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& path, const OpenTables& open,
       std::span<const WantedBox> wanted, const LoadOptions& options);

  LoadResult run();

 private:
  /// For each unit, which of this rank's wanted boxes its k-th requested box is.
  using WantedOfUnit = std::map<Unit, std::vector<std::uint32_t>>;

  /// Compares, on all ranks together, the tensors that are wanted with those that the checkpoint has.
  void agree_on_tensors();
  /// Finds the units this rank needs and checks that they cover every wanted element once.
  void find_units();
  /// Collects all wishes for a unit at its directory rank (box + block, modulo ranks), which picks the unit's reader.
  void find_readers();
  void prepare_reading();
  /// Reads, verifies and sends until every rank has read all its units.
  void run_rounds();
  void read_some(std::vector<std::string>& messages, std::int64_t budget);
  bool start_unit();
  void send_slice(const Assignment& assignment, Slice slice, std::vector<std::string>& messages);
  void receive(const std::string& message);
  void deliver(const Box& part, const Box& run, const void* data, const WantedBox& wanted, DataType stored);
  /// Verifies this rank's share of the shards' bytes outside boxes. The load does not need them, but a file that is not
  /// what was written is not to be trusted.
  void check_shards();
  /// The rank that checks `file`'s bytes outside boxes.
  int reader_of(std::uint32_t file) const;
  void agree_on_damage();

  Coordinator& coordinator_;
  base::FileSystem& files_;
  const std::filesystem::path& path_;
  const Manifest& manifest_;
  const BoxTable& table_;
  const ShardLocations& where_;
  std::span<const WantedBox> wanted_;
  const LoadOptions& options_;
  LoadResult result_;
  WantedOfUnit units_;
  std::vector<Assignment> assignments_;  // the units that this rank reads, ordered by place on disk

  // For each of those units, the wanted box of this rank that contains it whole, if any: it is read right into that
  // box.
  std::vector<const WantedBox*> direct_;
  std::optional<UnitReader> reader_;

  std::uint64_t metadata_read_ = 0;  // bytes that check_shards() read

  // The unit being sent.
  std::size_t next_ = 0;
  std::int64_t sent_ = 0;       // elements of it that are sent
  const char* data_ = nullptr;  // its bytes
  struct Failure {
    bool damage;
    std::string subject;
    std::string problem;
  };
  std::optional<Failure> failure_;
};

}  // namespace trireme::checkpoint
