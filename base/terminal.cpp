#include "base/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

namespace trireme::base {
namespace {

bool under_mpirun() { return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr; }

std::string launchers_file(int descriptor) {
  return "/proc/" + std::to_string(::getppid()) + "/fd/" + std::to_string(descriptor);
}

/// The columns that the terminal reports; 0 when it reports none.
std::size_t asked_columns(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t launchers_columns(int descriptor) {
  const int file = ::open(launchers_file(descriptor).c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return 0;
  const std::size_t columns = asked_columns(file);
  ::close(file);
  return columns;
}

std::size_t environments_columns() {
  const char* const text = std::getenv("COLUMNS");
  const std::string_view digits = text == nullptr ? "" : text;
  std::size_t columns = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), columns);
  return error == std::errc() && end == digits.data() + digits.size() && columns <= 10000 ? columns : 0;
}

}  // namespace

bool on_terminal(int descriptor) {
  if (::isatty(descriptor) != 1) return false;
  if (!under_mpirun()) return true;
  char target[256];
  const ssize_t length = ::readlink(launchers_file(descriptor).c_str(), target, sizeof target);
  if (length <= 0) return false;
  const std::string_view file(target, static_cast<std::size_t>(length));
  return file.starts_with("/dev/pts/") || file.starts_with("/dev/tty");
}

std::optional<std::size_t> terminal_columns(int descriptor) {
  constexpr std::size_t kUsual = 80;
  if (!on_terminal(descriptor)) return std::nullopt;
  std::size_t columns = under_mpirun() ? launchers_columns(descriptor) : asked_columns(descriptor);
  if (columns == 0) columns = environments_columns();
  return columns == 0 ? kUsual : columns;
}

bool shows_colours(int descriptor) {
  const auto variable = [](const char* name) {
    const char* const text = std::getenv(name);
    return std::string_view(text == nullptr ? "" : text);
  };
  return on_terminal(descriptor) && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

}  // namespace trireme::base
