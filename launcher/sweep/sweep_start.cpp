#include "launcher/sweep/sweep_start.hpp"

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/own_file.hpp"
#include "launcher/sweep/sweep_tensorboard.hpp"
#include "slurm/job/control_files.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using Path = std::filesystem::path;

[[noreturn]] void refuse(const SweepDirectory& sweep, const std::string& what) {
  throw base::InputError(str(sweep.path().string(), " holds a sweep with other ", what,
                             ": keep the file as it was, or set another [sweep] name"));
}

// What results were measured under must stay.
void check_same(const SweepDirectory& sweep, const SweepState& there, const SweepState& planned) {
  const SweepHeader &old = there.header, &now = planned.header;
  if (old.plan.rungs != now.plan.rungs || old.plan.reduction != now.plan.reduction) refuse(sweep, "steps or rungs");
  if (old.metric != now.metric || old.plan.minimise != now.plan.minimise) refuse(sweep, "metric or goal");
  if (old.ranks != now.ranks) refuse(sweep, str("ranks of a trial (--ranks ", old.ranks, ")"));
  if (old.trials > now.trials) refuse(sweep, str("trials (", old.trials, ")"));
  if (old.work_directory != now.work_directory) {
    throw base::InputError(str("the sweep in ", sweep.path().string(), " was started in ", old.work_directory,
                               ", and paths in its run files are relative to that: start it there again"));
  }
}

void write_run_file(base::FileSystem& files, const SweepDirectory& sweep, const SweepTrial& trial) {
  const Path run = sweep.trial(trial.number), path = run / "trial.ini";
  const std::string text = options::to_ini(trial.options);
  files.create_directories(run);
  if (!files.exists(path)) return files.replace(path, text);
  const std::string there = base::read_own(files, path);
  if (there == text) return;
  // Its numbers do not depend on what its jobs ask for.
  options::RunOptions old = options::parse_run_options(there, path.string());
  old.slurm = trial.options.slurm;
  if (options::to_ini(old) == text) {
    files.replace(path, text);
  } else {
    throw base::InputError(str(path.string(),
                               " is not the run file that the sweep's file makes now: keep the file and ",
                               "the options as they were, or set another [sweep] name"));
  }
}

std::string kept_file(const SweepStart& start) {
  std::string text;
  for (const auto& [key, value] : start.overrides) text += str("# --", key, "=", value, "\n");
  return text + start.file_text;
}

std::vector<Json> first_events(base::FileSystem& files, const SweepDirectory& sweep, const SweepState& there,
                               const SweepState& planned, const SweepStart& start) {
  const double now = base::wall_time();
  std::vector<Json> events;
  if (there.trials.size() < planned.trials.size()) events.push_back(header_event(planned.header, now));
  for (std::size_t i = 0; i < planned.trials.size(); ++i) {
    const bool known = i < there.trials.size();
    const bool fits = known && (!start.has_shapes || there.trials[i].shape == planned.trials[i].shape);
    if (!fits || there.trials[i].parameters != planned.trials[i].parameters) {
      const auto shape = start.has_shapes ? std::optional(planned.trials[i].shape) : std::nullopt;
      events.push_back(trial_event(i, planned.trials[i].parameters, shape));
    }
    const std::string ended = known ? there.trials[i].ended : "";
    const bool lifted = ended == "stopped" && !slurm::find_request(files, sweep.trial(i), slurm::Wish::kStop);
    if (lifted || (start.retry && ended == "failed"))
      events.push_back({{"event", "retry"}, {"trial", i}, {"time", now}});
  }
  return events;
}

}  // namespace

SweepState planned_state(const SweepFile& file, const std::vector<SweepTrial>& trials, std::int64_t ranks,
                         const std::string& work_directory) {
  SweepState state;
  state.header = {file.settings.name, trials.size(), file.plan, file.settings.metric, ranks, work_directory};
  state.trials.resize(trials.size());
  for (const SweepTrial& trial : trials) state.trials[trial.number].parameters = trial.parameters;
  return state;
}

void start_sweep(base::FileSystem& files, SweepDirectory& sweep, const SweepFile& file,
                 const std::vector<SweepTrial>& trials, const SweepState& planned, const SweepStart& start) {
  if (file.settings.dir.empty()) throw base::InputError("[sweep] dir is empty");
  files.create_directories(sweep.path());
  if (const SweepState there = sweep.read(); there.begun()) check_same(sweep, there, planned);
  for (const SweepTrial& trial : trials) write_run_file(files, sweep, trial);
  files.replace(sweep.path() / "sweep.ini", kept_file(start));
  sweep.change([&](const SweepState& there) {
    if (there.begun()) check_same(sweep, there, planned);
    return first_events(files, sweep, there, planned, start);
  });
  if (file.base.log.tensorboard) write_hparams(files, sweep.path(), planned, base::wall_time());
  (void)slurm::take_back(files, sweep.path(), slurm::Wish::kStop);
}

}  // namespace trireme::launcher
