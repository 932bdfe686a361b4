// A file of results that a command writes line by line and puts in its place at the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file_system.hpp"
#include "base/output_file.hpp"
#include "base/signals.hpp"

namespace trireme::launcher {

/// Used on one rank. A file beside the place takes the lines; it is removed when the command fails or is stopped by a
/// signal.
class ResultFile {
 public:
  /// Errors as base::output_file. `files` and `signals` must outlive this object; a stop signal ends the process.
  ResultFile(base::FileSystem& files, base::SignalThread& signals, std::string named, base::Overwrite overwrite);
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;
  ~ResultFile();

  /// Appends a line; adds its newline.
  void write(std::string_view line);
  /// Puts the file in its place.
  void finish();

 private:
  void flush();

  base::FileSystem& files_;
  base::SignalThread& signals_;
  std::string named_;
  base::Overwrite overwrite_;
  base::TemporaryFile temporary_;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

}  // namespace trireme::launcher
