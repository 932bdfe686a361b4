// What somebody's own program says of itself in metrics.jsonl (docs/program.md): JSON objects, a line each, with any of
// "step", "steps", "saved_step", "loss" and further numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// The newest value of each; nothing = the program never said it.
struct ProgramProgress {
  std::optional<std::int64_t> step;        ///< steps done
  std::optional<std::int64_t> steps;       ///< of the whole training
  std::optional<std::int64_t> saved_step;  ///< that a new start goes on from

  /// Takes over what the line says; one that is no JSON object, and values that are no whole numbers of at least 0, say
  /// nothing.
  void take(std::string_view line);
};

/// Reads from the end of the file until all three are known, at most 64 MiB. A missing file says nothing. Errors as
/// base::FileSystem::open_own().
ProgramProgress program_progress(base::FileSystem& files, const std::filesystem::path& file);

/// Follows the file while the program appends to it.
class MetricsFollower {
 public:
  /// Starts at the file's present end, with what it says so far. `files` must outlive the follower.
  MetricsFollower(base::FileSystem& files, std::filesystem::path file);

  /// Reads what was appended since. False when nothing was. A file that became shorter is read anew; one that cannot be
  /// read now is as if nothing was appended.
  bool look();
  const ProgramProgress& progress() const { return progress_; }

 private:
  base::FileSystem& files_;
  std::filesystem::path file_;
  ProgramProgress progress_;
  std::uint64_t read_ = 0;
  std::string torn_;  ///< the beginning of a line that was not finished at the last look
};

}  // namespace trireme::launcher
