#include "launcher/checkpointing/quotas.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/clock.hpp"
#include "base/file_system_name.hpp"
#include "launcher/run_directory/run_directory.hpp"

namespace trireme::launcher {
namespace {

using checkpoint::Quota;
using checkpoint::QuotaOwner;
using Words = std::vector<std::string>;

// mountinfo writes space, tab, newline and backslash as \040 and so on.
std::string without_escapes(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size();
    plain += escaped ? static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8)) : text[i];
    if (escaped) i += 3;
  }
  return plain;
}

bool lies_below(const std::string& path, const std::string& mount_point) {
  if (mount_point == "/") return true;
  return path.rfind(mount_point, 0) == 0 && (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

// What it printed, whatever its exit code: quota(1) ends with 1 when a limit is exceeded. In English, for the parsers.
std::string said_by(const slurm::RunCommand& run, Words words) {
  words.insert(words.begin(), {"env", "LC_ALL=C"});
  const auto result = run(words);
  return result ? result->output : "";
}

void add(std::vector<Quota>& all, std::vector<Quota> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Quota> ask_lustre(const std::string& directory, const QuotaOwner& owner, const slurm::RunCommand& run) {
  std::vector<Quota> found;
  const auto ask = [&](const char* option, std::uint32_t id) {
    add(found, parse_lfs_quota(said_by(run, {"lfs", "quota", option, std::to_string(id), directory}), owner));
  };
  ask("-u", owner.uid);
  ask("-g", owner.gid);
  if (const auto project = checkpoint::parse_lfs_project(said_by(run, {"lfs", "project", "-d", directory}))) {
    ask("-p", *project);
  }
  return found;
}

// Its programs are seldom on PATH: they lie where the product is installed.
std::string said_by_gpfs(const slurm::RunCommand& run, Words words) {
  std::string said = said_by(run, words);
  if (!said.empty()) return said;
  words[0] = "/usr/lpp/mmfs/bin/" + words[0];
  return said_by(run, words);
}

std::vector<Quota> ask_gpfs(const std::string& directory, QuotaOwner owner, const slurm::RunCommand& run) {
  owner.fileset = checkpoint::parse_mmlsattr_fileset(said_by_gpfs(run, {"mmlsattr", "-L", directory}));
  return parse_mmlsquota(said_by_gpfs(run, {"mmlsquota", "-Y"}), owner);
}

std::vector<Quota> ask_quota(const QuotaOwner& owner, const slurm::RunCommand& run) {
  std::vector<Quota> found;
  for (const char* option : {"-u", "-g"}) {
    add(found, parse_quota(said_by(run, {"quota", "-w", "-p", "-v", option}), owner));
  }
  return found;
}

std::string text_of(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Mount mount_of(const std::string& mountinfo, const std::string& path) {
  Mount best;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    const Words fields{std::istream_iterator<std::string>(words), {}};
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 3) continue;
    const std::string point = without_escapes(fields[4]);
    if (lies_below(path, point) && point.size() >= best.mount_point.size()) best = {without_escapes(dash[2]), point};
  }
  return best;
}

std::vector<Quota> ask_quotas(const std::string& file_system, const std::filesystem::path& directory,
                              const QuotaOwner& owner, const slurm::RunCommand& run) {
  if (file_system == "lustre") return ask_lustre(directory.string(), owner, run);
  if (file_system == "gpfs") return ask_gpfs(directory.string(), owner, run);
  for (const char* known : {"nfs", "ext", "xfs", "ocfs2", "gfs2"}) {
    if (file_system == known) return ask_quota(owner, run);
  }
  return {};
}

std::vector<Quota> quotas_of(const std::filesystem::path& directory) {
  struct stat facts {};
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(directory, error);
  if (error || ::stat(real.c_str(), &facts) != 0) return {};
  const Mount mount = mount_of(text_of("/proc/self/mountinfo"), real.string());
  const bool hands_down_group = (facts.st_mode & S_ISGID) != 0;
  const QuotaOwner owner{::geteuid(), hands_down_group ? facts.st_gid : ::getegid(), mount.source, mount.mount_point,
                         "",          static_cast<std::int64_t>(base::wall_time())};
  const auto start = std::chrono::steady_clock::now();
  return ask_quotas(base::file_system_of(real), real, owner,
                    [&](const Words& words) -> std::optional<slurm::CommandResult> {
                      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
                      if (spent.count() >= kQuotaSeconds) return std::nullopt;
                      return slurm::run_command_within(kQuotaSeconds - spent.count(), words);
                    });
}

}  // namespace trireme::launcher
