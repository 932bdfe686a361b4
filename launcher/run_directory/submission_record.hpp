// What the last `trireme submit` of a run made and asked for, kept in the run directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

struct SubmissionRecord {
  std::vector<std::string> jobs;  ///< the first of a chain first; of an array task "12_3"
  std::string cluster;            ///< whose jobs they are; "" when not known
  std::string name;               ///< the jobs' name
  std::string directory;          ///< where they work
  std::int64_t steps = 0;         ///< that the run file asked for; 0 = not known
  std::string train;              ///< data.train of the run file, "" for somebody's own program
  std::string valid;              ///< data.valid
  std::string tree;               ///< data.tree: where their team:NAME is looked up
  double time = 0;                ///< of the submission, which keep_submission() sets; 0 = not known
};

/// What keep_submission() wrote; empty when there was no submission, and member by member what is not there or damaged.
SubmissionRecord last_submission(base::FileSystem& files, const std::filesystem::path& run_directory);
/// Throws base::IoError when it cannot be written.
void keep_submission(base::FileSystem& files, const std::filesystem::path& run_directory,
                     const SubmissionRecord& record);

}  // namespace trireme::launcher
