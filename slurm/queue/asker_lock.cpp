#include "slurm/queue/asker_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

namespace trireme::slurm {

AskerLock::AskerLock(const std::filesystem::path& file) {
  using namespace std::chrono_literals;
  if (file.empty()) return;
  std::error_code ignored;  // then the lock cannot be made
  std::filesystem::create_directories(file.parent_path(), ignored);
  descriptor_ = ::open((file.string() + ".lock").c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (descriptor_ < 0) return;
  const auto until = std::chrono::steady_clock::now() + 12s;
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR) &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(20ms);
  }
}

AskerLock::~AskerLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace trireme::slurm
