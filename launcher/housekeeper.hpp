// What may take its time after a commit: old checkpoints are deleted, the new one is read back.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/run_checkpoints.hpp"

namespace trireme::launcher {

/// On rank 0, a thread of the lowest priority beside the training.
class Housekeeper {
 public:
  /// `still_mine`: whether this process may still write to the run directory; called by the thread. `files` must
  /// outlive the housekeeper.
  Housekeeper(base::FileSystem& files, std::filesystem::path run_directory, checkpoint::PrunePolicy policy,
              std::function<bool()> still_mine);
  ~Housekeeper() { end(); }
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  /// A checkpoint of this step was committed. When several are, only the newest is read back.
  void committed(std::int64_t step);
  /// Finishes deleting; reading back is given up. Nothing happens any more.
  void end();
  /// What people should know, since the last call: deletions that failed, damage that was found.
  std::vector<std::string> warnings();

 private:
  void work();
  void prune();
  void read_back(std::int64_t step);
  bool interrupted();
  void warn(std::string text);

  base::FileSystem& files_;
  std::filesystem::path run_directory_;
  checkpoint::PrunePolicy policy_;
  std::function<bool()> still_mine_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<std::int64_t> newest_;  ///< committed and not yet looked after
  bool ending_ = false;
  std::vector<std::string> warnings_;
  std::thread thread_;
};

}  // namespace trireme::launcher
