#include "io/checkpoint/run/leftovers.hpp"

#include <string_view>

#include "base/error.hpp"
#include "io/checkpoint/run/trial_save.hpp"

namespace trireme::checkpoint {

namespace {

using Path = std::filesystem::path;

/// A save that died while it replaced a checkpoint has left that one in .trash as step_<N>.<token>.
void put_back(base::FileSystem& files, const Path& directory, std::vector<std::string>& done) {
  const Path trash = directory / ".trash";
  if (!files.is_directory(trash) || files.is_link(trash)) return;  // nothing behind a link belongs to the run
  for (const auto& name : files.list(trash)) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos || !name.starts_with("step_")) continue;
    if (files.exists(directory / name.substr(0, dot))) continue;
    files.rename(trash / name, directory / name.substr(0, dot));
    files.sync_directory(directory);
    done.push_back(base::str("put back ", (directory / name.substr(0, dot)).string()));
  }
}

bool is_leftover(const std::string& name) {
  return name == ".trash" || (name.starts_with(".step_") && name.ends_with(".partial")) ||
         (name.starts_with("LATEST.") && name.ends_with(".tmp"));
}

/// Whether the entry of the run directory was left by a kill: a half-done replacement of a file, or a trial save.
bool is_cut_replacement(const std::string& name) {
  const auto begins = [&](const char* file) { return name.starts_with(file); };
  if (name == kTrialSaveName) return true;
  return name.ends_with(".tmp") &&
         (begins("metrics.jsonl.") || begins("attempts.jsonl.") || begins("run.ini.") || begins("lease."));
}

}  // namespace

std::vector<std::string> collect_leftovers(base::FileSystem& files, const Path& run_directory) {
  std::vector<std::string> done;
  for (const char* folder : {".", "checkpoints", "gradients"}) {
    const Path directory = (run_directory / folder).lexically_normal();
    if (!files.is_directory(directory)) continue;
    const bool own = folder == std::string_view(".");
    if (!own) put_back(files, directory, done);
    for (const auto& name : files.list(directory)) {
      if (!(own ? is_cut_replacement(name) : is_leftover(name))) continue;
      try {
        files.remove_all(directory / name);
        done.push_back(base::str("deleted ", (directory / name).string()));
      } catch (const base::IoError& error) {
        done.push_back(error.what());
      }
    }
  }
  return done;
}

}  // namespace trireme::checkpoint
