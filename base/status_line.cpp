#include "base/status_line.hpp"

#include <mutex>
#include <utility>

namespace trireme::base {
namespace {

std::mutex mutex;
std::FILE* drawn_on = nullptr;  // null: nothing is drawn

void wipe() {
  if (drawn_on == nullptr) return;
  std::fputs("\r\x1b[K", drawn_on);
  std::fflush(std::exchange(drawn_on, nullptr));
}

}  // namespace

void draw_status(std::FILE* stream, const std::string& line) {
  const std::lock_guard lock(mutex);
  if (line.empty() || drawn_on != stream) wipe();
  if (line.empty()) return;
  std::fprintf(stream, "\r\x1b[K%s", line.c_str());
  std::fflush(stream);
  drawn_on = stream;
}

void clear_status() {
  const std::lock_guard lock(mutex);
  wipe();
}

void write_lines(std::FILE* stream, const std::string& text) {
  const std::lock_guard lock(mutex);
  wipe();
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

}  // namespace trireme::base
