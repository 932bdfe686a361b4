#include "base/log.hpp"

#include <string>

namespace trireme::base {
namespace {

void write_line(std::FILE* stream, const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stream);
  std::fflush(stream);
}

}  // namespace

void Log::info(std::string_view line) const {
  if (stream_ != nullptr) write_line(stream_, std::string(line) + '\n');
}

void Log::warn(std::string_view line) const {
  if (stream_ != nullptr) write_line(stream_, "warning: " + std::string(line) + '\n');
}

void print_failure(std::string_view what) { write_line(stderr, "trireme: " + std::string(what) + '\n'); }

}  // namespace trireme::base
