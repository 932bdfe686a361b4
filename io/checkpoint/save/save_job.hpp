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

#include "base/file_system.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/ranks/node_map.hpp"
#include "io/checkpoint/save/save_info.hpp"
#include "io/checkpoint/save/save_planner.hpp"
#include "io/checkpoint/save/snapshot.hpp"

namespace trireme::checkpoint {

/// Runs the steps of docs/checkpoint_format.md in order. Each step that can fail runs on all ranks, which then agree on
/// its result, so that all stop together.
class SaveJob {
 public:
  /// All arguments must outlive the job.
  SaveJob(Coordinator& coordinator, base::FileSystem& files, const SaveInfo& info, const PreparedSave& prepared,
          Snapshot& snapshot);

  /// Collective; call it once. A `copy_failure` on any rank fails the save. `live_written` is called when the
  /// snapshot's live pieces no longer need their memory, unless something failed before. Throws only what the
  /// Coordinator throws.
  SaveResult run(const std::exception_ptr& copy_failure, const std::function<void()>& live_written);

 private:
  /// together(); false when it failed anywhere, and then failure_ says why.
  bool agree(const std::function<void()>& body);
  std::filesystem::path target() const;
  /// Whether this rank makes, renames and removes directories: rank 0, or one rank of each node.
  bool keeps_directories() const { return info_.node_local ? nodes_.leads(coordinator_.rank()) : root_; }
  std::filesystem::path checked_partial() const;
  bool make_partial(const std::exception_ptr& copy_failure);
  bool make_node_directories();
  bool create_shard();
  bool write_boxes(const std::function<void()>& live_written);
  void write_pieces(BodyWriter& body, bool live);
  bool copy_to_partner();
  bool commit();
  void make_tables(const std::vector<std::string>& reports);
  void write_tables();
  void publish();
  void drop_other_steps();
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
  NodeMap nodes_;  ///< set only where each node has a directory of its own
  std::string failure_;
  std::filesystem::path partial_;
  std::unique_ptr<base::File> file_;
  Report report_;
  // Used where this rank keeps directories:
  std::string boxes_text_;
  std::string manifest_text_;
  std::string hub_text_;
  bool committed_ = false;
  std::optional<std::filesystem::path> trashed_;
  // Used on rank 0:
  std::uint64_t bytes_ = 0;
  bool lease_lost_ = false;
  std::string warning_;
};

}  // namespace trireme::checkpoint
