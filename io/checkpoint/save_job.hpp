// One save on one rank, from the partial directory to the commit. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/save_planner.hpp"
#include "io/checkpoint/snapshot.hpp"
#include "io/checkpoint/writer.hpp"

namespace trireme::checkpoint {

/// The steps of docs/checkpoint_format.md in order. Each step that can fail runs on all ranks and is agreed on, so that
/// all leave together.
class SaveJob {
 public:
  /// All must outlive the job.
  SaveJob(Coordinator& coordinator, base::FileSystem& files, const SaveInfo& info, const PreparedSave& prepared,
          Snapshot& snapshot);

  /// Collective, once. A `copy_failure` on any rank fails the save. `live_written` is called when the snapshot's live
  /// pieces need their memory no more, unless something failed before. Throws only what the Coordinator throws.
  SaveResult run(const std::exception_ptr& copy_failure, const std::function<void()>& live_written);

 private:
  template <typename Body>
  bool agree(Body&& body);
  std::filesystem::path target() const;
  bool make_partial(const std::exception_ptr& copy_failure);
  bool make_node_directories();
  bool create_shard();
  bool write_boxes(const std::function<void()>& live_written);
  void write_pieces(BodyWriter& body, bool live);
  bool commit();
  void write_tables(const std::vector<std::string>& reports);
  void write_synced(const char* name, const std::string& content);
  void move_to_trash();
  void replace_latest();
  void clean_up();
  void share_root_result(SaveResult& result);

  Coordinator& coordinator_;
  base::FileSystem& files_;
  const SaveInfo& info_;
  const PreparedSave& prepared_;
  Snapshot& snapshot_;
  bool root_;
  std::string failure_;
  std::filesystem::path partial_;
  std::unique_ptr<base::File> file_;
  Report report_;
  // On rank 0:
  std::uint64_t bytes_ = 0;
  bool lease_lost_ = false;
  bool committed_ = false;
  std::optional<std::filesystem::path> trashed_;
  std::string warning_;
};

}  // namespace trireme::checkpoint
