// What may take its time after a commit: the new checkpoint is read back, old ones are deleted.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/run/prune.hpp"

namespace trireme::launcher {

/// This class does nothing: it is for the ranks that do not look after the checkpoints.
class Housekeeping {
 public:
  Housekeeping() = default;
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;
  virtual ~Housekeeping() = default;

  /// A checkpoint was committed.
  virtual void committed() {}
  /// A validation after `step`: the checkpoint with the lowest loss stays.
  virtual void validated(std::int64_t /*step*/, double /*loss*/) {}
  /// Reads back what is left, for a few seconds at most, and deletes; all in the calling thread. Nothing happens
  /// afterwards.
  virtual void end() {}
  /// What people should know, since the last call: deletions that failed, damage that was found.
  virtual std::vector<std::string> warnings() { return {}; }
};

/// On rank 0, a thread of low priority beside the training.
class Housekeeper final : public Housekeeping {
 public:
  /// `holds_lease`: whether this process may still write to the run directory; called by the thread. `files` must
  /// outlive the housekeeper.
  Housekeeper(base::FileSystem& files, std::filesystem::path run_directory, checkpoint::PrunePolicy policy,
              std::function<bool()> holds_lease);
  ~Housekeeper() override { end(); }

  void committed() override;
  void validated(std::int64_t step, double loss) override;
  void end() override;
  std::vector<std::string> warnings() override;

 private:
  void work();
  /// Reads back those of the two newest checkpoints that were not yet, as long as `keep_going` says true, then deletes.
  void look_after(const std::function<bool()>& keep_going);
  void read_back(std::int64_t step, const std::function<bool()>& keep_going);
  void warn(std::string text);

  base::FileSystem& files_;
  std::filesystem::path run_directory_;
  checkpoint::PrunePolicy policy_;  ///< behind mutex_
  std::function<bool()> holds_lease_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool work_to_do_ = false;
  bool ending_ = false;
  std::vector<std::string> warnings_;
  std::thread thread_;
};

}  // namespace trireme::launcher
