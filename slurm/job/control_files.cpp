#include "slurm/job/control_files.hpp"

#include <unistd.h>

#include <system_error>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"

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
  if (!files.exists(file) || (files.is_directory(file) && !files.is_link(file))) return std::nullopt;
  Request request;
  std::optional<std::uint32_t> owner;
  try {
    owner = files.owner(file);
    request.content = base::read_own(files, file);
  } catch (const base::Error&) {
    // It was taken back between the two looks, or it cannot be read: a link, a FIFO, too long, not for others' eyes.
    // Whoever may put something there may ask, so it counts.
    if (!files.exists(file)) return std::nullopt;
  }
  const base::Json content = base::Json::parse(request.content, nullptr, false);
  if (content.is_object() && content.contains("user") && content["user"].is_string()) {
    request.user = content["user"].get<std::string>();
  }
  // Anybody may write any name into it; whose file it is, the system knows.
  if (owner) request.user = base::user_name(*owner);
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

std::string user_name() { return base::user_name(::getuid()); }

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
