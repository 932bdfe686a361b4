// The event files of a run for TensorBoard, beside metrics.jsonl and with the same lines (log.tensorboard).
//
//   <dir>/events.out.tfevents.<attempt, 10 digits>.<part, 4 digits>.trireme
//
// Every attempt begins a file of its own, and so does a roll-back within an attempt: a TensorBoard that has a file open
// goes on with the next one, but would not notice that one was cut and written anew. What the run goes back behind is
// cut off at once, so no step is there twice, whoever reads the files. Each file after the first says with which step
// it goes on (SessionLog START), so that a TensorBoard which has seen the steps that were cut off forgets them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

class TensorboardLog {
 public:
  /// Cuts the event files to the steps that metrics.jsonl still has, all up to `last_step`, and begins a file. Where
  /// the last event is not that of the last line there, as when log.tensorboard was off for a while or a record was
  /// damaged, all events are written anew from the lines. Errors as base::FileSystem::open_own(); base::IoError.
  TensorboardLog(base::FileSystem& files, std::filesystem::path directory, std::int64_t last_step, int attempt);

  /// The event of a line that was appended to metrics.jsonl. One write, no fsync.
  void append(const base::Json& line);
  /// The run went back to `step`, and metrics.jsonl was cut there: what comes after it goes away here too.
  void cut_after(std::int64_t step);
  void sync() { file_->sync(); }

 private:
  void begin(std::int64_t last_step);
  void write_all_lines();
  void write(const std::string& bytes);

  base::FileSystem& files_;
  std::filesystem::path directory_;
  int attempt_;
  std::unique_ptr<base::File> file_;
  std::uint64_t end_ = 0;
};

/// Cuts the event files of a run whose attempt does not log for TensorBoard, so that steps which it does again are not
/// there twice once it does.
void cut_tensorboard(base::FileSystem& files, const std::filesystem::path& directory, std::int64_t last_step);

}  // namespace trireme::launcher
