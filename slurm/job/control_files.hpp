// <dir>/control/: wishes of people who may write to the run directory but do not own the job (docs/runs.md).
//   stop   the attempt saves and ends with 75, and no other attempt trains while the file is there
//   save   the attempt saves at the next step boundary and removes the file
// Each holds one JSON object with "user" and "time"; an empty file made by `touch` counts too.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/file_system.hpp"

namespace trireme::slurm {

enum class Wish { kStop, kSave };

/// A wish as found.
struct Request {
  std::string user;     ///< whose file it is; where that is not known what it says, "" when it does not
  std::string content;  ///< of the file, to tell one request from the next
};

/// "<run_directory>/control/stop" or "…/save".
std::filesystem::path control_file(const std::filesystem::path& run_directory, Wish wish);

/// Makes <dir>/control, writable for the group when the run directory is. Does nothing when it is there.
/// base::IoError when it cannot be made.
void make_control_directory(base::FileSystem& files, const std::filesystem::path& run_directory);

/// Nothing when there is no such file, or it cannot be looked at now.
std::optional<Request> find_request(base::FileSystem& files, const std::filesystem::path& run_directory, Wish wish);

/// Leaves the wish. base::IoError when the directory cannot be written.
void leave_request(base::FileSystem& files, const std::filesystem::path& run_directory, Wish wish,
                   const std::string& user, double time);

/// True when there was one. base::IoError when it cannot be removed.
bool take_back(base::FileSystem& files, const std::filesystem::path& run_directory, Wish wish);

/// The name of the user who runs this process, or "user <id>".
std::string user_name();

/// What rank 0 asks at every step boundary: the files are looked at once a second at most.
class ControlFiles {
 public:
  ControlFiles(base::FileSystem& files, std::filesystem::path run_directory)
      : files_(files), run_directory_(std::move(run_directory)) {}

  /// Looks at the files when a second has passed since the last look, or the clock (seconds) was set back.
  void look(double now);
  /// The request to stop as it was at the last look.
  const std::optional<Request>& stop() const { return stop_; }
  bool save_asked() const { return save_ && save_->content != done_; }
  /// A save was made: removes the file. False when it cannot be removed: this request is then not honoured again.
  bool save_made();
  /// The save that was asked for failed: this request is not tried again before another save was made.
  void save_failed();

 private:
  base::FileSystem& files_;
  std::filesystem::path run_directory_;
  std::optional<double> last_look_;
  std::optional<Request> stop_;
  std::optional<Request> save_;
  std::optional<std::string> done_;
};

}  // namespace trireme::slurm
