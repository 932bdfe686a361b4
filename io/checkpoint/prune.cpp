#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/preflight.hpp"
#include "io/checkpoint/run_checkpoints.hpp"
#include "io/checkpoint/time.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;
constexpr const char* kVerifiedName = "VERIFIED";

/// Checkpoints that a save was replacing when it died lie in .trash as step_<N>.<token>.
void put_back(base::FileSystem& files, const Path& directory, std::vector<std::string>& done) {
  const Path trash = directory / ".trash";
  if (!files.is_directory(trash) || files.is_link(trash)) return;  // behind a link lies nothing of the run's
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

/// What a kill cut short in the run directory itself: a replacement of one of its files, a trial save.
bool is_cut_replacement(const std::string& name) {
  const auto begins = [&](const char* file) { return name.starts_with(file); };
  if (name == kPreflightName) return true;
  return name.ends_with(".tmp") &&
         (begins("metrics.jsonl.") || begins("attempts.jsonl.") || begins("run.ini.") || begins("lease."));
}

/// Empty when there is none that can be read: that is not the one that was verified.
std::string manifest_checksum(base::FileSystem& files, const Path& step_directory) {
  try {
    return files.is_directory(step_directory) ? open_manifest(files, step_directory).checksum : "";
  } catch (const base::Error&) {
    return "";
  }
}

}  // namespace

Path make_trash(base::FileSystem& files, const Path& directory) {
  const Path trash = directory / ".trash";
  if (files.is_link(trash)) files.remove(trash);  // what is moved there is deleted: never behind a link
  if (files.is_directory(trash)) return trash;
  files.create_directory(trash);
  files.sync_directory(directory);  // or a crash may keep a rename into it and lose the directory
  return trash;
}

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

std::vector<std::int64_t> steps_to_prune(const std::vector<std::int64_t>& steps,
                                         const std::vector<std::int64_t>& verified, const PrunePolicy& policy) {
  std::set<std::int64_t> stay;
  const auto keep = static_cast<std::size_t>(std::max<std::int64_t>(policy.keep, 2));
  for (std::size_t i = steps.size() > keep ? steps.size() - keep : 0; i < steps.size(); ++i) stay.insert(steps[i]);
  std::size_t kept_verified = 0;
  for (auto step = steps.rbegin(); step != steps.rend() && kept_verified < 2; ++step) {
    if (std::ranges::count(verified, *step) == 0) continue;
    stay.insert(*step);
    ++kept_verified;
  }
  if (policy.resumed_from) stay.insert(*policy.resumed_from);
  std::vector<std::int64_t> doomed;
  for (const auto step : steps) {
    const bool round = policy.keep_every > 0 && step % policy.keep_every == 0;
    if (!round && !stay.contains(step)) doomed.push_back(step);
  }
  return doomed;
}

std::vector<std::int64_t> prune(base::FileSystem& files, const Path& run_directory, const PrunePolicy& policy) {
  const auto doomed =
      steps_to_prune(committed_steps(files, run_directory), verified_steps(files, run_directory), policy);
  const Path directory = run_directory / "checkpoints";
  for (const auto step : doomed) {
    const Path trash = make_trash(files, directory);
    const std::string name = base::str("step_", step);
    files.remove_all(trash / name);
    files.rename(directory / name, trash / name);
    files.sync_directory(directory);
    files.remove_all(trash / name);
  }
  return doomed;
}

void append_verified(base::FileSystem& files, const Path& step_directory, const Manifest& manifest, ReadBack found) {
  base::Json line = {{"step", manifest.step}, {"checksum", manifest.checksum}, {"time", utc_now()}};
  if (found == ReadBack::kDamaged) line["damaged"] = true;
  const auto file = files.open_own(step_directory.parent_path() / kVerifiedName, base::OpenMode::kAppend);
  const std::uint64_t end = file->size();
  char last = '\n';  // a line that a crash or a full disk cut short must not swallow this one
  if (end > 0 && file->pread(&last, 1, end - 1) != 1) last = '\0';
  const std::string text = base::str(last == '\n' ? "" : "\n", base::to_line(line), "\n");
  file->pwrite(text.data(), text.size(), end);
  file->sync();
  file->close();
  if (end == 0) files.sync_directory(step_directory.parent_path());
}

std::vector<std::int64_t> verified_steps(base::FileSystem& files, const Path& run_directory) {
  std::map<std::int64_t, std::string> checksums;  // of the manifests that are there, each read once
  std::set<std::int64_t> steps;
  base::read_ledger(files, run_directory / "checkpoints" / kVerifiedName, base::Trust::kContent,
                    [&](std::string_view text) {
                      const base::Json line = base::Json::parse(text, nullptr, false);
                      if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer() ||
                          !line.contains("checksum")) {
                        return;
                      }
                      const auto step = line["step"].get<std::int64_t>();
                      const auto found = checksums.find(step);
                      const std::string checksum =
                          found != checksums.end()
                              ? found->second
                              : (checksums[step] = manifest_checksum(files, step_directory(run_directory, step)));
                      if (checksum.empty() || line["checksum"] != checksum) return;
                      if (line.contains("damaged")) {
                        steps.erase(step);
                      } else {
                        steps.insert(step);
                      }
                    });
  return {steps.begin(), steps.end()};
}

}  // namespace trireme::checkpoint
