// trireme checkpoint list: the checkpoints of a run, from their manifests alone.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

/// Seconds from the manifest's "2026-01-31T12:00:00Z" until now; NaN when it is no time.
double age_of(const std::string& created) {
  const auto time = base::parse_utc(created);
  return time ? std::max(0.0, base::wall_time() - *time) : std::nan("");
}

/// None, and a warning, when VERIFIED cannot be read: the list is of use all the same.
std::vector<std::int64_t> verified_steps(base::FileSystem& files, const std::filesystem::path& run) {
  try {
    return checkpoint::verified_steps(files, run);
  } catch (const base::Error& error) {
    base::print_warning(base::str("which ones are verified is not known: ", error.what()));
    return {};
  }
}

}  // namespace

int checkpoint_list(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint list", "the checkpoints of a run, oldest first; reads only their manifests",
                            "trireme checkpoint list runs/bible");
  line.flag("json", json, "print one JSON object instead of a table");
  line.positionals("RUN_DIR", words, "the run's directory, or one step directory", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const bool single = files.exists(std::filesystem::path(words[0]) / checkpoint::kManifestName);
  const std::filesystem::path run = single ? std::filesystem::path(words[0]) : run_directory_of(files, words[0]);
  const auto verified = single ? std::vector<std::int64_t>() : verified_steps(files, run);
  std::vector<std::vector<std::string>> rows = {{"step", "saved", "age", "attempt", "size", "layout", "state"}};
  Json entries = Json::array();
  bool damaged = false;
  for (auto step : single ? std::vector<std::int64_t>{0} : checkpoint::committed_steps(files, run)) {
    const std::filesystem::path path = single ? run : checkpoint::step_directory(run, step);
    try {
      const auto manifest = checkpoint::open_manifest(files, path);
      step = manifest.step;
      const char* state = std::ranges::count(verified, step) > 0 ? "verified" : "committed";
      const double age = age_of(manifest.created);
      rows.push_back({std::to_string(step), manifest.created, std::isnan(age) ? "?" : format_duration(age),
                      std::to_string(manifest.attempt), format_bytes(static_cast<double>(bytes_of(manifest))),
                      layout_text(manifest.layout), state});
      entries.push_back({{"step", step},
                         {"path", path.string()},
                         {"created", manifest.created},
                         {"age_seconds", age},
                         {"attempt", manifest.attempt},
                         {"bytes", bytes_of(manifest)},
                         {"layout", manifest.layout},
                         {"state", state}});
    } catch (const checkpoint::DamagedCheckpoint& damage) {
      damaged = true;
      const std::string reason = base::str(damage.subject(), ": ", damage.problem());
      rows.push_back({std::to_string(step), "", "", "", "", "", "damaged: " + reason});
      entries.push_back({{"step", step}, {"path", path.string()}, {"state", "damaged"}, {"reason", reason}});
    }
  }
  if (json) {
    base::answer_json({{"run", run.string()}, {"checkpoints", entries}});
  } else if (entries.empty()) {
    base::answer(base::str("run directory ", run.string(), " holds no checkpoint yet"));
  } else {
    base::answer_text(format_table(rows, {.right = {0, 2, 3, 4}, .spare = {3, 5, 1, 2, 4}}));
  }
  return damaged ? base::kExitFailed : base::kExitDone;
}

}  // namespace trireme::launcher
