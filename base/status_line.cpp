#include "base/status_line.hpp"

#include <mutex>
#include <utility>

#include "base/patient_output.hpp"

namespace trireme::base {
namespace {

std::mutex mutex;
std::FILE* drawn_on = nullptr;  // null: nothing is drawn
bool ended = false;

void wipe() {
  if (drawn_on == nullptr) return;
  write_text(std::exchange(drawn_on, nullptr), "\r\x1b[K");
}

}  // namespace

void draw_status(std::FILE* stream, const std::string& line) {
  const std::lock_guard lock(mutex);
  if (line.empty() || drawn_on != stream) wipe();
  if (line.empty() || ended) return;
  write_text(stream, "\r\x1b[K" + line);
  drawn_on = stream;
}

void clear_status() {
  const std::lock_guard lock(mutex);
  wipe();
}

void end_status() {
  const std::lock_guard lock(mutex);
  wipe();
  ended = true;
}

void write_lines(std::FILE* stream, const std::string& text) {
  const std::lock_guard lock(mutex);
  wipe();
  write_text(stream, text);
}

}  // namespace trireme::base
