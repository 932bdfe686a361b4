// One collective load. Private to io/checkpoint.
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

/// What a Reader knows.
struct OpenTables {
  const Manifest& manifest;
  const BoxTable& table;
  const ShardLocations& where;
};

/// The steps of Reader::load in order.
class Load {
 public:
  Load(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& path, const OpenTables& open,
       std::span<const WantedBox> wanted, const LoadOptions& options);

  LoadResult run();

 private:
  /// Which wanted box a request's k-th box is.
  using WantedOfUnit = std::map<Unit, std::vector<std::uint32_t>>;

  /// Compares what is wanted with what is there, on all ranks together.
  void agree_on_tensors();
  /// Finds the units this rank needs and checks that they cover every wanted element once.
  void find_units();
  /// Directory ranks (unit number modulo ranks) hear of all wishes for a unit and pick its reader.
  void find_readers();
  void prepare_reading();
  /// Reads, verifies and sends until every rank has read all its units.
  void run_rounds();
  void read_some(std::vector<std::string>& messages, std::int64_t budget);
  bool start_unit();
  void send_slice(const Assignment& assignment, Slice slice, std::vector<std::string>& messages);
  void receive(const std::string& message);
  void deliver(const Box& part, const Box& run, const void* data, const WantedBox& wanted, DataType stored);
  /// This rank's share of the shards' bytes outside boxes: nothing here needs them, but a file that is not what was
  /// written is not to be trusted.
  void check_shards();
  /// Of those bytes.
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
  std::vector<Assignment> assignments_;  // ordered by place on disk

  // The wanted box that holds all of a unit that this rank reads, if one does: it is read right into it.
  std::vector<const WantedBox*> direct_;
  std::optional<UnitReader> reader_;

  std::uint64_t metadata_read_ = 0;  // bytes, by check_shards()

  // The unit being sent.
  std::size_t next_ = 0;
  std::int64_t sent_ = 0;       // elements of it that are
  const char* data_ = nullptr;  // its bytes
  struct Failure {
    bool damage;
    std::string subject;
    std::string problem;
  };
  std::optional<Failure> failure_;
};

}  // namespace trireme::checkpoint
