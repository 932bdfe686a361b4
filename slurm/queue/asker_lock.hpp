// Who asks the queue: one process at a time of those that share an answer.
#pragma once

#include <filesystem>

namespace trireme::slurm {

/// Holds "<file>.lock" from its construction on. Waits for another holder up to 12 s, longer than a question may take,
/// and goes on without the lock then, as where there is no file to lock (`file` is empty, the directory is not
/// writable).
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
