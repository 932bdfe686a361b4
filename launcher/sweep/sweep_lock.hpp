// Who may change a sweep: the lease of its directory (io/lease), held for milliseconds at a time by many workers.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/lease/lease.hpp"

namespace trireme::launcher {

/// Makes the leases of one sweep directory for the threads of this process. Thread-safe.
class SweepLock {
 public:
  using Path = std::filesystem::path;

  /// `world`: its wait() is to be short, since others hold the lease for milliseconds; sweep_world() makes a real one.
  SweepLock(base::FileSystem& files, Path directory, checkpoint::LeaseWorld world);

  /// Calls `work` while this thread holds the lease. `still_held` asks whether that is so: ask it before each write and
  /// write nothing when it says no. A holder that died is replaced, at once on this machine, after a minute elsewhere;
  /// a living one is waited for, up to ten minutes. Throws what `work` throws, base::IoError when the disk does not
  /// answer, base::Stopped when the world's wait() gives up, base::Error after ten minutes.
  void with_lease(const std::function<void(const std::function<bool()>& still_held)>& work);

 private:
  checkpoint::Lease acquire();
  void release(checkpoint::Lease& lease);
  void forget_own(const std::string& token);
  void drop_forgotten();

  base::FileSystem& files_;
  Path directory_;
  checkpoint::LeaseWorld world_;
  std::mutex mutex_;
  std::vector<std::string> forgotten_;  ///< tokens of leases of ours that may still lie there although we gave them up
};

/// The real clock and processes. It never gives up waiting, and asks no queue.
checkpoint::LeaseWorld sweep_world();

}  // namespace trireme::launcher
