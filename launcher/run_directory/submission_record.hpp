// Which jobs the last `trireme submit` of a run made, kept in the run directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// The jobs of the run's last submission, as keep_submission() wrote them; none when there was none.
std::vector<std::string> last_submission(base::FileSystem& files, const std::filesystem::path& run_directory);
/// Keeps the jobs of a submission in the run directory. base::IoError when it cannot.
void keep_submission(base::FileSystem& files, const std::filesystem::path& run_directory,
                     const std::vector<std::string>& jobs);

}  // namespace trireme::launcher
