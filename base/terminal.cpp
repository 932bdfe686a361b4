#include "base/terminal.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace trireme::base {

bool on_terminal(int descriptor) {
  if (::isatty(descriptor) != 1) return false;
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return true;
  const std::string path = "/proc/" + std::to_string(::getppid()) + "/fd/" + std::to_string(descriptor);
  char target[256];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  if (length <= 0) return false;
  const std::string_view file(target, static_cast<std::size_t>(length));
  return file.starts_with("/dev/pts/") || file.starts_with("/dev/tty");
}

}  // namespace trireme::base
