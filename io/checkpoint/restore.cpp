#include <algorithm>

#include "base/error.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/foreign_entries.hpp"
#include "io/checkpoint/run_checkpoints.hpp"
#include "io/checkpoint/wire.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// What rank 0 sees: committed steps, and whether damaged ones were set aside before.
struct Survey {
  std::vector<std::int64_t> steps;
  bool had_others = false;
};

Survey survey(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory) {
  std::string problem;
  Encoder out;
  if (coordinator.rank() == 0) {
    try {
      const auto steps = committed_steps(files, run_directory);
      const Path directory = run_directory / "checkpoints";
      const auto names = files.is_directory(directory) ? files.list(directory) : std::vector<std::string>();
      out.put<std::uint8_t>(std::ranges::any_of(names, [](const auto& name) {
        return name.starts_with(".step_") && name.find(".bad.") != std::string::npos;
      }));
      for (const auto step : steps) out.put(step);
    } catch (const base::IoError& error) {
      problem = error.what();
    }
  }
  problem = coordinator.all_ok(problem.empty(), problem);
  if (!problem.empty()) throw base::Error("cannot look for checkpoints: " + problem);
  const std::string bytes = coordinator.broadcast(out.take());
  Decoder in(bytes);
  Survey found;
  found.had_others = in.get<std::uint8_t>() != 0;
  while (!in.done()) found.steps.push_back(in.get<std::int64_t>());
  return found;
}

/// Renames the damaged newer steps out of the way, so that the run can save those steps again.
void set_aside(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory,
               const std::vector<std::int64_t>& steps, std::int64_t attempt) {
  std::string problem;
  if (coordinator.rank() == 0) {
    try {
      const Path directory = run_directory / "checkpoints";
      for (const auto step : steps) {
        std::string name = base::str(".step_", step, ".bad.", attempt);
        while (files.exists(directory / name)) name += "+";
        files.rename(step_directory(run_directory, step), directory / name);
      }
      if (!steps.empty()) files.sync_directory(directory);
    } catch (const base::IoError& error) {
      problem = error.what();
    }
  }
  problem = coordinator.all_ok(problem.empty(), problem);
  if (!problem.empty()) throw base::Error("cannot set a damaged checkpoint aside: " + problem);
}

/// They change nothing that is read, so they are named and passed over: steps are not given up for a stray file.
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
  bool local;
  Path path;
  Whereabouts where;
};

/// In the order in which they are tried.
std::vector<Candidate> candidates(const std::vector<std::int64_t>& shared, const Path& run_directory,
                                  const std::vector<LocalCheckpoint>& local, const base::Log& log) {
  std::vector<Candidate> all;
  for (const auto step : shared) all.push_back({step, false, step_directory(run_directory, step), {}});
  for (const LocalCheckpoint& one : local) {
    if (one.missing.empty()) {
      all.push_back({one.step, true, one.path, one.where});
    } else {
      log.info(base::str("step ", one.step, " on the nodes' own disks is not whole: no node has ", one.missing));
    }
  }
  std::ranges::stable_sort(all, [](const Candidate& a, const Candidate& b) {
    return std::pair(a.step, a.local) > std::pair(b.step, b.local);
  });
  return all;
}

}  // namespace

std::optional<std::int64_t> restore_newest(Coordinator& coordinator, base::FileSystem& files, const Path& run_directory,
                                           std::int64_t attempt, const base::Log& log,
                                           const std::function<void(Reader&)>& use,
                                           const std::vector<LocalCheckpoint>& local) {
  const Survey found = survey(coordinator, files, run_directory);
  std::vector<std::int64_t> bad;
  std::string reasons;
  for (const Candidate& candidate : candidates(found.steps, run_directory, local, log)) {
    try {
      const auto reader = Reader::open(coordinator, files, candidate.path, candidate.where);
      set_aside(coordinator, files, run_directory, bad, attempt);
      bad.clear();
      if (!candidate.local) warn_of_foreign_entries(coordinator, files, *reader, log);
      use(*reader);
      return candidate.step;
    } catch (const DamagedCheckpoint& damage) {
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
