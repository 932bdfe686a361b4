// trireme checkpoint prune: deletes old checkpoints by the rule that the training uses after a commit.
#include <cerrno>
#include <map>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/lease/lease.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/number.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/run_directory/lease_keeper.hpp"
#include "launcher/run_directory/metrics_series.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/queue.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using Path = std::filesystem::path;

std::map<std::int64_t, double> valid_losses(base::FileSystem& files, const Path& run) {
  const MetricsSeries series = read_series(files, run / "metrics.jsonl", {"valid_loss"});
  std::map<std::int64_t, double> losses;
  if (const SeriesField* field = series.find("valid_loss")) {
    for (std::size_t i = 0; i < field->rows.size(); ++i) losses[series.steps[field->rows[i]]] = field->values[i];
  }
  return losses;
}

/// What the run itself keeps; the program's defaults for a directory without a run file.
checkpoint::PrunePolicy policy_of(base::FileSystem& files, const Path& run) {
  checkpoint::PrunePolicy policy;
  const auto attempts = read_run(files, run).attempts;
  if (!attempts.empty() && attempts.back().start.first_step > 0) {
    policy.resumed_from = attempts.back().start.first_step;
  }
  if (!files.exists(run / "run.ini")) return policy;
  const auto options = options::parse_run_options(base::read_own(files, run / "run.ini", base::Trust::kOwner),
                                                  (run / "run.ini").string());
  policy.keep = options.checkpoint.keep;
  policy.keep_every = options.checkpoint.keep_every;
  if (options.checkpoint.keep_best) policy.valid_losses = valid_losses(files, run);
  return policy;
}

/// Lengths of all files below.
std::uint64_t bytes_below(base::FileSystem& files, const Path& path) {
  if (files.is_link(path)) return 0;
  if (!files.is_directory(path)) return files.open(path, base::OpenMode::kRead)->size();
  std::uint64_t bytes = 0;
  for (const auto& name : files.list(path)) bytes += bytes_below(files, path / name);
  return bytes;
}

struct Doomed {
  std::int64_t step;
  std::uint64_t bytes;
};

std::vector<Doomed> find_doomed(base::FileSystem& files, const Path& run, const checkpoint::PrunePolicy& policy) {
  std::vector<Doomed> doomed;
  for (const auto step : checkpoint::steps_to_prune(checkpoint::committed_steps(files, run),
                                                    checkpoint::verified_steps(files, run), policy)) {
    doomed.push_back({step, bytes_below(files, checkpoint::step_directory(run, step))});
  }
  return doomed;
}

void report(base::FileSystem& files, const Path& run, const std::vector<Doomed>& doomed, bool dry_run, bool json) {
  std::uint64_t bytes = 0;
  Json steps = Json::array();
  for (const auto& entry : doomed) {
    bytes += entry.bytes;
    steps.push_back({{"step", entry.step}, {"bytes", entry.bytes}});
  }
  if (json) {
    base::answer_json({{"run", run.string()}, {"dry_run", dry_run}, {"deleted", steps}, {"bytes", bytes}});
    return;
  }
  std::vector<std::vector<std::string>> rows = {{dry_run ? "would delete" : "deleted", "size"}};
  for (const auto& entry : doomed) {
    rows.push_back(
        {checkpoint::step_directory(run, entry.step).string(), format_bytes(static_cast<double>(entry.bytes))});
  }
  if (!doomed.empty()) base::answer_text(format_table(rows, {.right = {1}}));
  const std::size_t all = checkpoint::committed_steps(files, run).size();
  const std::size_t stay = dry_run ? all - doomed.size() : all;
  base::answer(base::str(doomed.size(), " deleted, ", stay, " kept, ", format_bytes(static_cast<double>(bytes)),
                         " freed", dry_run ? " (nothing was done: --dry-run)" : ""));
}

/// Whoever deletes is a writer of the run directory: no run can start before this is done.
checkpoint::Lease acquire(base::FileSystem& files, const Path& run, const checkpoint::PrunePolicy& policy) {
  try {
    return checkpoint::Lease::acquire(
        files, run, checkpoint::this_process("local", 0),
        checkpoint::real_world(
            [](const std::string& job) { return slurm::job_is_running(slurm::run_command, job); }, [] { return false; },
            [] { return slurm::cluster_name(slurm::run_command, slurm::read_job_environment().cluster); }),
        [](const std::string& text) { base::print_note(text); });
  } catch (const base::IoError& error) {
    const auto doomed = find_doomed(files, run, policy);
    if ((error.code() != ENOSPC && error.code() != EDQUOT) || doomed.empty()) throw;
    throw base::Error(base::str(error.what(), "; not even the lease finds room: if no job writes to this run, delete ",
                                checkpoint::step_directory(run, doomed.front().step).string(),
                                " by hand, then run this again"));
  }
}

}  // namespace

int checkpoint_prune(const Arguments& arguments) {
  bool json = false;
  bool dry_run = false;
  std::int64_t keep = 0;
  std::int64_t keep_every = -1;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint prune", "deletes old checkpoints of a run that is not running",
                            "trireme checkpoint prune --dry-run runs/bible\n"
                            "trireme checkpoint prune --keep 3 --keep-every 1000 runs/bible");
  const auto number = [](const char* option, std::int64_t least, std::int64_t& target) {
    return [=, &target](const std::string& word) {
      const auto value = options::parse_integer(word);
      if (!value || *value < least) {
        throw base::InputError(
            base::str("--", option, " must be a whole number of at least ", least, ", not '", word, "'"));
      }
      target = *value;
    };
  };
  line.each("keep", "N", "the newest N stay, at least 2; else what the run's checkpoint.keep says",
            number("keep", 2, keep));
  line.each("keep-every", "M", "multiples of M stay, 0 = none; else what the run's checkpoint.keep_every says",
            number("keep-every", 0, keep_every));
  line.flag("dry-run", dry_run, "only say what would go");
  line.flag("json", json, "print one JSON object instead of a table");
  line.positionals("RUN_DIR", words, "the run's directory", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const Path run = run_directory_of(files, words[0]);
  const auto chosen = [&] {
    auto policy = policy_of(files, run);
    if (keep > 0) policy.keep = keep;
    if (keep_every >= 0) policy.keep_every = keep_every;
    return policy;
  };
  if (dry_run) {
    report(files, run, find_doomed(files, run, chosen()), true, json);
    return base::kExitDone;
  }
  LeaseKeeper lease(acquire(files, run, chosen()));
  try {
    const auto policy = chosen();
    const auto doomed = find_doomed(files, run, policy);
    checkpoint::prune(files, run, policy);
    report(files, run, doomed, false, json);
  } catch (...) {
    lease.release();
    throw;
  }
  lease.release();
  return base::kExitDone;
}

}  // namespace trireme::launcher
