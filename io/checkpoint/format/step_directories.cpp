#include "io/checkpoint/format/step_directories.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/error.hpp"

namespace trireme::checkpoint {

using Path = std::filesystem::path;

std::vector<std::int64_t> committed_steps(base::FileSystem& files, const Path& run_directory) {
  constexpr std::string_view kPrefix = "step_";
  std::vector<std::int64_t> steps;
  const Path directory = run_directory / "checkpoints";
  if (!files.is_directory(directory)) {
    if (!files.exists(directory) && !files.is_link(directory)) return steps;
    throw base::IoError(base::str(directory.string(), " is no directory, nor a link to one that is there"), ENOTDIR);
  }
  for (const auto& name : files.list(directory)) {
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t step = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
    if (error == std::errc() && stop == end && step >= 0 && name == base::str(kPrefix, step)) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Path step_directory(const Path& run_directory, std::int64_t step) {
  return run_directory / "checkpoints" / base::str("step_", step);
}

Path make_trash(base::FileSystem& files, const Path& directory) {
  Path trash = directory / ".trash";
  if (files.is_link(trash)) files.remove(trash);  // what is moved there gets deleted, never behind a link
  if (files.is_directory(trash)) return trash;
  files.create_directory(trash);
  files.sync_directory(directory);  // else a crash may keep a rename into it but lose it
  return trash;
}

}  // namespace trireme::checkpoint
