#include "slurm/job/control_files.hpp"

#include <pwd.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::slurm {
namespace {

namespace fs = std::filesystem;

fs::path control_directory(const fs::path& run_directory) { return run_directory / "control"; }

// The group may write, and new files keep the group, as far as that holds for the run directory.
void share_like(const fs::path& model, const fs::path& directory) {
  std::error_code ignored;  // whoever cannot change the mode has the directory as the umask made it
  const fs::perms shared = fs::status(model, ignored).permissions() & (fs::perms::group_all | fs::perms::set_gid);
  if (!ignored) fs::permissions(directory, shared, fs::perm_options::add, ignored);
}

}  // namespace

fs::path control_file(const fs::path& run_directory, Wish wish) {
  return control_directory(run_directory) / (wish == Wish::kStop ? "stop" : "save");
}

void make_control_directory(base::FileSystem& files, const fs::path& run_directory) {
  const fs::path directory = control_directory(run_directory);
  if (files.exists(directory)) return;
  files.create_directories(directory);
  share_like(run_directory, directory);
}

std::optional<Request> find_request(base::FileSystem& files, const fs::path& run_directory, Wish wish) {
  const fs::path file = control_file(run_directory, wish);
  if (!files.exists(file) || files.is_directory(file)) return std::nullopt;
  Request request;
  try {
    request.content = files.read_all(file);
  } catch (const base::IoError&) {
    // It was taken back between the two looks, or others may not read it: the next look tells.
    if (!files.exists(file)) return std::nullopt;
  }
  const base::Json content = base::Json::parse(request.content, nullptr, false);
  if (content.is_object() && content.contains("user") && content["user"].is_string()) {
    request.user = content["user"].get<std::string>();
  }
  return request;
}

void leave_request(base::FileSystem& files, const fs::path& run_directory, Wish wish, const std::string& user,
                   double time) {
  make_control_directory(files, run_directory);
  files.replace(control_file(run_directory, wish), base::to_line({{"user", user}, {"time", time}}) + '\n');
}

bool take_back(base::FileSystem& files, const fs::path& run_directory, Wish wish) {
  const fs::path file = control_file(run_directory, wish);
  if (!files.exists(file)) return false;
  files.remove(file);
  return true;
}

std::string user_name() {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return entry.pw_name;
  }
  return base::str("user ", ::getuid());
}

void ControlFiles::look(double now) {
  constexpr double kBetween = 1.0;
  if (last_look_ && now >= *last_look_ && now - *last_look_ < kBetween) return;
  last_look_ = now;
  stop_ = find_request(files_, run_directory_, Wish::kStop);
  save_ = find_request(files_, run_directory_, Wish::kSave);
}

bool ControlFiles::save_made() {
  if (!save_) return true;
  const bool known = done_ == save_->content;
  done_ = save_->content;
  try {
    take_back(files_, run_directory_, Wish::kSave);
    done_.reset();
  } catch (const base::IoError&) {
    return known;  // said once
  }
  save_.reset();
  return true;
}

void ControlFiles::save_failed() {
  if (save_) done_ = save_->content;
}

}  // namespace trireme::slurm
