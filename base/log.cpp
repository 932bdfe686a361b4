#include "base/log.hpp"

#include <string>

#include "base/printable.hpp"
#include "base/status_line.hpp"

namespace trireme::base {
namespace {

/// Keeps the line ends that two spaces follow.
std::string failure_lines(std::string_view what) {
  std::string text;
  for (std::size_t end; (end = what.find("\n  ")) != std::string_view::npos; what.remove_prefix(end + 1)) {
    text += printable(what.substr(0, end)) + '\n';
  }
  return text + printable(what);
}

}  // namespace

void Log::info(std::string_view line) const {
  if (stream_ != nullptr) write_lines(stream_, printable(line) + '\n');
}

void Log::warn(std::string_view line) const {
  if (stream_ != nullptr) write_lines(stream_, "warning: " + printable(line) + '\n');
}

void Log::text(std::string_view lines) const {
  if (stream_ != nullptr) write_lines(stream_, printable(lines, Keep::kNewlines));
}

void print_note(std::string_view line) { Log(stderr).info(line); }

void print_warning(std::string_view line) { Log(stderr).warn(line); }

void print_failure(std::string_view what) { write_lines(stderr, "trireme: " + failure_lines(what) + '\n'); }

}  // namespace trireme::base
