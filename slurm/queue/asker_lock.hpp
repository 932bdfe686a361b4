// Lets only one process at a time, of those that share an answer, ask the queue.
#pragma once

#include <filesystem>

namespace trireme::slurm {

/// Holds "<file>.lock" while it exists. Waits for another holder up to 12 s, which is longer than a question may take,
/// and then goes on without the lock. It also goes on without one where there is no file to lock (`file` is empty, or
/// the directory is not writable).
class AskerLock {
 public:
  explicit AskerLock(const std::filesystem::path& file);
  AskerLock(const AskerLock&) = delete;
  AskerLock& operator=(const AskerLock&) = delete;
  ~AskerLock();

 private:
  int descriptor_ = -1;
};

}  // namespace trireme::slurm
