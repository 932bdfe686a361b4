#include "io/checkpoint/run/restore.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/foreign_entries.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/format/wire.hpp"
#include "io/checkpoint/ranks/together.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// What rank 0 finds: the committed steps, and whether damaged ones were set aside before.
struct Survey {
  std::vector<std::int64_t> steps;
  bool had_others = false;
};

Survey survey(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory) {
  Encoder out;
  const std::string problem = on_rank_0(coordinator, [&] {
    const auto steps = committed_steps(files, run_directory);
    const Path directory = run_directory / "checkpoints";
    const auto names = files.is_directory(directory) ? files.list(directory) : std::vector<std::string>();
    out.put<std::uint8_t>(std::ranges::any_of(
        names, [](const auto& name) { return name.starts_with(".step_") && name.find(".bad.") != std::string::npos; }));
    for (const auto step : steps) out.put(step);
  });
  if (!problem.empty()) throw base::Error("cannot look for checkpoints: " + problem);
  const std::string bytes = coordinator.broadcast(out.take());
  Decoder in(bytes);
  Survey found;
  found.had_others = in.get<std::uint8_t>() != 0;
  while (!in.done()) found.steps.push_back(in.get<std::int64_t>());
  return found;
}

/// Renames damaged newer steps, so that the run can save those steps again.
void set_aside(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory,
               const std::vector<std::int64_t>& steps, std::int64_t attempt) {
  const std::string problem = on_rank_0(coordinator, [&] {
    const Path directory = run_directory / "checkpoints";
    for (const auto step : steps) {
      std::string name = base::str(".step_", step, ".bad.", attempt);
      while (files.exists(directory / name)) name += "+";
      files.rename(step_directory(run_directory, step), directory / name);
    }
    if (!steps.empty()) files.sync_directory(directory);
  });
  if (!problem.empty()) throw base::Error("cannot set a damaged checkpoint aside: " + problem);
}

/// Foreign files change nothing that is read. So they are reported and ignored: no step is given up for a stray file.
void warn_of_foreign_entries(Coordinator& coordinator, base::FileSystem& files, const Reader& reader,
                             const base::Log& log) {
  if (coordinator.rank() != 0) return;
  try {
    for (const auto& entry : foreign_entries(files, reader.path(), reader.manifest())) {
      log.warn(base::str("checkpoint ", reader.path().string(), ": ", entry.name, ": ", entry.problem,
                         "; its checksums decide"));
    }
  } catch (const base::IoError& error) {
    log.warn(base::str("checkpoint ", reader.path().string(), ": ", error.what()));
  }
}

/// A checkpoint to try.
struct Candidate {
  std::int64_t step;
  Path path;
  std::optional<LocalCheckpoint> local;
  bool verified = false;  ///< a local one, limited to shards that were read back whole
};

/// Lists the candidates in the order in which they are tried.
std::deque<Candidate> candidates(const std::vector<std::int64_t>& shared, const Path& run_directory,
                                 const std::vector<LocalCheckpoint>& local, const base::Log& log) {
  std::deque<Candidate> all;
  for (const auto step : shared) all.push_back({step, step_directory(run_directory, step), {}});
  for (const LocalCheckpoint& one : local) {
    if (one.missing.empty()) {
      all.push_back({one.step, one.path, one});
    } else {
      log.info(base::str("step ", one.step, " on the nodes' own disks is not whole: no node has ", one.missing));
    }
  }
  std::ranges::stable_sort(all, [](const Candidate& a, const Candidate& b) {
    return std::pair(a.step, a.local.has_value()) > std::pair(b.step, b.local.has_value());
  });
  return all;
}

/// Collective. After a local checkpoint turned out to be damaged, looks for undamaged copies of all its shards.
std::optional<Candidate> by_whole_copies(Coordinator& coordinator, base::FileSystem& files,
                                         const std::optional<LocalSearch>& search, const Candidate& damaged) {
  if (!damaged.local || damaged.verified) return std::nullopt;
  LocalCheckpoint whole = verify_local_checkpoint(coordinator, files, *search, *damaged.local);
  if (!whole.missing.empty()) return std::nullopt;
  return Candidate{whole.step, whole.path, std::move(whole), true};
}

}  // namespace

std::optional<std::int64_t> restore_newest(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory,
                                           std::int64_t attempt, const base::Log& log,
                                           const std::function<void(Reader&)>& use,
                                           const std::optional<LocalSearch>& local) {
  const Survey found = survey(coordinator, files, run_directory);
  const auto on_nodes = local ? find_local_checkpoints(coordinator, files, *local) : std::vector<LocalCheckpoint>();
  std::vector<std::int64_t> bad;
  std::string reasons;
  for (auto left = candidates(found.steps, run_directory, on_nodes, log); !left.empty();) {
    const Candidate candidate = std::move(left.front());
    left.pop_front();
    try {
      const auto reader =
          Reader::open(coordinator, files, candidate.path, candidate.local ? candidate.local->where : ShardLocations());
      set_aside(coordinator, files, run_directory, bad, attempt);
      bad.clear();
      if (!candidate.local) warn_of_foreign_entries(coordinator, files, *reader, log);
      use(*reader);
      return candidate.step;
    } catch (const DamagedCheckpoint& damage) {
      if (auto again = by_whole_copies(coordinator, files, local, candidate)) {
        log.warn(base::str(damage.what(), "; trying the copies of its shards that are whole"));
        left.push_front(std::move(*again));
        continue;
      }
      log.warn(base::str(damage.what(), "; trying the next older one"));
      if (candidate.local) continue;  // the next save to the nodes' own disks deletes it
      reasons += base::str(reasons.empty() ? "" : "; ", "step_", candidate.step, ": ", damage.subject(), ": ",
                           damage.problem());
      bad.push_back(candidate.step);
    }
  }
  if (found.steps.empty() && !found.had_others) return std::nullopt;
  throw base::Error(base::str("none of the checkpoints in ", (run_directory / "checkpoints").string(), " can be used (",
                              reasons.empty() ? "all were set aside as damaged" : reasons,
                              "); to start from scratch, choose another run.dir or move them away"));
}

}  // namespace trireme::checkpoint
