#include "io/checkpoint/run/verified.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"

namespace trireme::checkpoint {

namespace {

using Path = std::filesystem::path;
constexpr const char* kVerifiedName = "VERIFIED";

/// The checksum of the manifest; empty when it cannot be read, since that is not the checkpoint that was verified.
std::string manifest_checksum(base::FileSystem& files, const Path& step_directory) {
  try {
    return files.is_directory(step_directory) ? open_manifest(files, step_directory).checksum : "";
  } catch (const base::Error&) {
    return "";
  }
}

}  // namespace

void append_verified(base::FileSystem& files, const Path& step_directory, const Manifest& manifest, ReadBack found) {
  base::Json line = {{"step", manifest.step}, {"checksum", manifest.checksum}, {"time", base::utc_now()}};
  if (found == ReadBack::kDamaged) line["damaged"] = true;
  const auto file = files.open_own(step_directory.parent_path() / kVerifiedName, base::OpenMode::kAppend);
  const std::uint64_t end = file->size();
  char last = '\n';  // the new line must not be appended to one that was cut short
  if (end > 0 && file->pread(&last, 1, end - 1) != 1) last = '\0';
  const std::string text = base::str(last == '\n' ? "" : "\n", base::to_line(line), "\n");
  file->pwrite(text.data(), text.size(), end);
  file->sync();
  file->close();
  if (end == 0) files.sync_directory(step_directory.parent_path());
}

std::vector<std::int64_t> verified_steps(base::FileSystem& files, const Path& run_directory) {
  std::map<std::int64_t, std::string> checksums;  // of the manifests that exist, each read once
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
