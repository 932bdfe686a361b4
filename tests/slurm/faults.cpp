// Preloaded into ranks by training_test.py: storage that is slow, or broken on one node, when the test wants it to be.
//   SLOW_SAVES=FILE    while FILE exists, each fsync of a file of a checkpoint under way takes as many seconds longer
//   as
//                      FILE says
//   BROKEN_READS=HOST  on that host each process may read 400 times from the dataset; then reads fail with EIO
#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

std::string path_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  char path[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

double extra_seconds() {
  const char* name = std::getenv("SLOW_SAVES");
  double seconds = 0;
  if (name != nullptr) std::ifstream(name) >> seconds;
  return seconds;
}

bool on_broken_host() {
  const char* broken = std::getenv("BROKEN_READS");
  char name[HOST_NAME_MAX + 1] = {};
  return broken != nullptr && ::gethostname(name, HOST_NAME_MAX) == 0 && std::string_view(name) == broken;
}

bool read_fails(int descriptor) {
  constexpr int kGoodReads = 400;
  static const bool broken = on_broken_host();
  static std::atomic<int> reads = 0;
  return broken && path_of(descriptor).ends_with("/data.h5") && ++reads > kGoodReads;
}

}  // namespace

extern "C" int fsync(int descriptor) {
  if (path_of(descriptor).find(".partial/") != std::string::npos) {
    std::this_thread::sleep_for(std::chrono::duration<double>(extra_seconds()));
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

extern "C" ssize_t pread(int descriptor, void* data, std::size_t bytes, off_t offset) {
  if (read_fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  return ::syscall(SYS_pread64, descriptor, data, bytes, offset);
}
