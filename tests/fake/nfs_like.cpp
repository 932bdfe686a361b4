// Preloaded into programs by tests: a file system that answers about leases as a network file system may when a reply
// was lost and the client asked again. The call did its work, and the answer says that it failed:
//   open with O_CREAT|O_EXCL   EEXIST
//   rename                     ENOENT
//   remove, unlink             ENOENT
// Only files whose names begin with "lease" are concerned, in processes whose second word is $NFS_LIKE_COMMAND: opens
// in $NFS_LIKE_OPENS percent of the calls, the others in $NFS_LIKE_CHANGES percent.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

namespace {

bool concerns_this_process() {
  const char* wanted = std::getenv("NFS_LIKE_COMMAND");
  std::ifstream file("/proc/self/cmdline");
  std::string program, command;
  std::getline(file, program, '\0');
  std::getline(file, command, '\0');
  return wanted != nullptr && command == wanted;
}

bool lies(std::string_view path, const char* variable = "NFS_LIKE_CHANGES") {
  static const bool concerned = concerns_this_process();
  const char* percent = std::getenv(variable);
  if (!concerned || percent == nullptr) return false;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (!name.starts_with("lease")) return false;
  thread_local std::mt19937 random(std::random_device{}());
  return static_cast<int>(random() % 100) < std::atoi(percent);
}

int failed(int code) {
  errno = code;
  return -1;
}

}  // namespace

extern "C" int open(const char* path, int flags, ...) {
  unsigned mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, unsigned);
    va_end(rest);
  }
  const int descriptor = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (descriptor < 0 || (flags & O_EXCL) == 0 || !lies(path, "NFS_LIKE_OPENS")) return descriptor;
  ::close(descriptor);
  return failed(EEXIST);
}

extern "C" int rename(const char* from, const char* to) noexcept {
  const int result = static_cast<int>(::syscall(SYS_rename, from, to));
  return result == 0 && lies(to) ? failed(ENOENT) : result;
}

extern "C" int unlink(const char* path) noexcept {
  const int result = static_cast<int>(::syscall(SYS_unlink, path));
  return result == 0 && lies(path) ? failed(ENOENT) : result;
}

// remove(3) makes its system calls itself.
extern "C" int remove(const char* path) noexcept {
  int result = static_cast<int>(::syscall(SYS_unlink, path));
  if (result != 0 && (errno == EISDIR || errno == EPERM)) result = static_cast<int>(::syscall(SYS_rmdir, path));
  return result == 0 && lies(path) ? failed(ENOENT) : result;
}
