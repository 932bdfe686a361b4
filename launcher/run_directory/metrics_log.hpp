// metrics.jsonl: one line per step, written by rank 0 only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

struct Validation {
  std::int64_t step = 0;
  double loss = 0.0;  ///< valid_loss; NaN when the line has no number there
};

/// Which lines of an earlier attempt stay.
struct KeptLines {
  std::int64_t last_step = 0;  ///< those up to it
  bool without_step = false;   ///< and those that tell no step: somebody's own program wrote the file
};

/// Appends lines; doubles with 17 significant digits, those that are not finite as null. A torn last line (crash, full
/// disk) is repaired at opening.
class MetricsLog {
 public:
  /// Keeps the lines whose "step" is at most `kept.last_step` and appends from there. The lines after it (an attempt
  /// that went further than its last checkpoint) move to `<file>.<attempt>`, `attempt` being the one that wrote them,
  /// and so do damaged ones; to `<file>.<attempt>.2` and so on where an attempt had such lines before. Holds a few MiB
  /// of a file of any size, and writes nothing where all lines stay.
  MetricsLog(base::FileSystem& files, const std::filesystem::path& file, const KeptLines& kept, int attempt);

  void append(const base::Json& line);
  /// Makes what was appended durable.
  void sync();
  /// Those of the lines that were kept, oldest first.
  const std::vector<Validation>& validations() const { return validations_; }

 private:
  std::unique_ptr<base::File> file_;
  std::uint64_t end_ = 0;
  std::vector<Validation> validations_;
};

/// How far an attempt came, according to the lines that it logged.
struct LoggedProgress {
  std::int64_t step = 0;       ///< of the last complete line, 0 = none
  double time = 0.0;           ///< when it was written, seconds since the epoch; 0 = not known
  double seconds_after = 0.0;  ///< of the steps after `saved_step`
};
/// Reads from the end, as far back as `saved_step`.
LoggedProgress logged_progress(base::FileSystem& files, const std::filesystem::path& file, std::int64_t saved_step);

/// Reads the step of the last complete line, 0 = none, from the end of the file only.
std::int64_t logged_step(base::FileSystem& files, const std::filesystem::path& file);

}  // namespace trireme::launcher
