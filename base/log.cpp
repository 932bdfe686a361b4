#include "base/log.hpp"

#include <string>

#include "base/status_line.hpp"

namespace trireme::base {

void Log::info(std::string_view line) const {
  if (stream_ != nullptr) write_lines(stream_, std::string(line) + '\n');
}

void Log::warn(std::string_view line) const {
  if (stream_ != nullptr) write_lines(stream_, "warning: " + std::string(line) + '\n');
}

void print_failure(std::string_view what) { write_lines(stderr, "trireme: " + std::string(what) + '\n'); }

}  // namespace trireme::base
