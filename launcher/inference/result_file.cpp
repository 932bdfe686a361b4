#include "launcher/inference/result_file.hpp"

#include <unistd.h>

#include <exception>
#include <utility>

namespace trireme::launcher {

ResultFile::ResultFile(base::FileSystem& files, base::SignalThread& signals, std::string named,
                       base::Overwrite overwrite)
    : files_(files),
      signals_(signals),
      named_(std::move(named)),
      overwrite_(overwrite),
      temporary_(files.create_temporary(base::output_file(named_, overwrite))) {
  signals_.on_signal([path = temporary_.path.string()](int signal) {
    ::unlink(path.c_str());
    base::end_by_signal(signal);
  });
}

ResultFile::~ResultFile() {
  if (temporary_.file == nullptr) return;
  signals_.on_signal(base::end_by_signal);
  ::unlink(temporary_.path.c_str());
}

void ResultFile::write(std::string_view line) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 20;
  buffer_ += line;
  buffer_ += '\n';
  if (buffer_.size() >= kAtOnce) flush();
}

void ResultFile::flush() {
  temporary_.file->pwrite(buffer_.data(), buffer_.size(), written_);
  written_ += buffer_.size();
  buffer_.clear();
}

void ResultFile::finish() {
  flush();
  temporary_.file->sync();
  temporary_.file->close();
  files_.rename(temporary_.path, base::output_file(named_, overwrite_));
  signals_.on_signal(base::end_by_signal);
  temporary_.file.reset();
}

}  // namespace trireme::launcher
