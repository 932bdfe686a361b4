#include "launcher/usage/runs_below.hpp"

#include <algorithm>
#include <system_error>

#include "base/error.hpp"
#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;

// Deeper directories are no place for runs, and a path must stay shorter than the system allows.
constexpr int kDeepest = 64;

class Walk {
 public:
  Walk(base::FileSystem& files, FoundRuns& found) : files_(files), found_(found) {}

  /// `folder` is "" as long as no directory below the tree has given its name.
  void look(const fs::path& directory, const std::string& folder, const std::string& tree, int depth) {
    std::vector<fs::path> below;
    bool sweep = false;
    if (!list(directory, below, sweep)) return;
    if (sweep) found_.sweeps.push_back(directory);
    const bool is_run = is_run_at(directory);
    if (is_run) found_.runs.push_back({directory, folder.empty() ? tree : folder});
    std::ranges::sort(below);
    for (const fs::path& child : below) {
      const std::string name = child.filename().string();
      if (is_run && (name == "checkpoints" || name == "control" || name == "logs")) continue;
      if (depth >= kDeepest) {
        found_.unreadable.push_back(child);
        continue;
      }
      // The name of a run itself is no project's.
      const bool names = folder.empty() && name != "runs" && !is_run_at(child);
      look(child, names ? name : folder, tree, depth + 1);
    }
  }

 private:
  // The directories in it that are neither hidden nor links. False when it cannot be read.
  bool list(const fs::path& directory, std::vector<fs::path>& below, bool& sweep) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
      const fs::path& path = entry->path();
      const std::string name = path.filename().string();
      std::error_code unknown;
      if (name.starts_with('.')) continue;
      if (entry->is_symlink(unknown)) {
        if (fs::is_directory(path, unknown)) ++found_.links;
      } else if (entry->is_directory(unknown)) {
        below.push_back(path);
      } else if (name == "sweep.jsonl") {
        sweep = true;
      }
    }
    if (error) found_.unreadable.push_back(directory);
    return !error || !below.empty();
  }

  bool is_run_at(const fs::path& directory) {
    try {
      return is_run_directory(files_, directory);
    } catch (const base::Error&) {
      return false;  // look() will say that it cannot be read
    }
  }

  base::FileSystem& files_;
  FoundRuns& found_;
};

}  // namespace

FoundRuns runs_below(base::FileSystem& files, const fs::path& tree) {
  if (!files.exists(tree)) throw base::InputError(base::str("there is no directory ", tree.string()));
  if (!files.is_directory(tree)) throw base::InputError(base::str(tree.string(), " is no directory"));
  fs::path path = fs::absolute(tree).lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  FoundRuns found;
  Walk(files, found).look(path, "", path.has_filename() ? path.filename().string() : path.string(), 0);
  return found;
}

}  // namespace trireme::launcher
