#include "launcher/submission/script_plan.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "launcher/options/site_file.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/queue/command_environment.hpp"
#include "slurm/queue/queue.hpp"
#include "slurm/site/site_facts.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;
using slurm::run_command;

// A home directory that clusters share has one site file for all of them.
void refuse_another_cluster(const options::SiteFile& file, const slurm::Site& site) {
  const std::string here = slurm::cluster_name(run_command, slurm::read_job_environment().cluster);
  if (site.cluster.empty() || here.empty() || site.cluster == here) return;
  throw base::InputError(str("the site file ", file.path, " is of cluster ", site.cluster, ", and this is ", here,
                             ": name this cluster's with --site, or ask Slurm with --site=none"));
}

// Whether there is a fast tier, and no run says itself whether its directory outlives the job.
bool leave_persistence_to_site(const std::vector<options::RunOptions>& runs) {
  return std::ranges::any_of(runs, [](const auto& run) { return !run.checkpoint.fast_dir.empty(); }) &&
         std::ranges::none_of(runs, [](const auto& run) { return run.checkpoint.fast_persists.has_value(); });
}

// Whether mpirun of the site is used and has no Slurm support.
bool lacks_slurm_support(const slurm::ScriptPlan& plan, const slurm::Site& site) {
  const bool uses_mpirun =
      plan.launcher == slurm::Launcher::kMpirun && (!plan.program_run || plan.program_run->launcher == "mpirun");
  return uses_mpirun && !site.mpirun_version.empty() && !site.mpirun_has_slurm;
}

}  // namespace

slurm::Site site_of(const std::string& named, bool dry_run) {
  const auto file = options::find_site_file(named, slurm::environment_variable);
  const std::optional<slurm::Site> site = file ? options::load_site_file(*file) : slurm::read_site(run_command);
  if (!site)
    throw base::InputError("there is no Slurm here (no scontrol): name a site file of the cluster with --site");
  if (file && named.empty()) refuse_another_cluster(*file, *site);
  if (!dry_run) {
    base::answer("site      " + (file ? file->text() : "as Slurm says now (no site file)"));
  } else if (file && named.empty()) {
    base::print_note("site file: " + file->text());
  }
  return *site;
}

double stop_seconds(base::FileSystem& files, const options::RunOptions& options, const Path& run) {
  if (options.program.given()) return static_cast<double>(options.program.stop_seconds);
  const auto took = slurm::last_measured(slurm::read_attempts(files, run / "attempts.jsonl"));
  return took.save > 0 ? took.step + took.save : 0;
}

slurm::JobRequest request_of(const options::RunOptions& options) {
  slurm::JobRequest request = options.slurm;
  if (options.program.launcher == "none" && options.program.given() && request.ranks_per_node == 0) {
    request.ranks_per_node = 1;
  }
  return request;
}

void choose_starter(const std::vector<options::RunOptions>& runs, const slurm::Site& site, slurm::ScriptPlan& plan) {
  const options::ProgramSection& first = runs.front().program;
  for (const options::RunOptions& run : runs) {
    if (run.program.given() != first.given() || run.program.launcher != first.launcher) {
      throw base::InputError(str("the runs of one job array start in the same way, but ", runs.front().run.name,
                                 " and ", run.run.name,
                                 " differ in program.command or program.launcher: submit them separately"));
    }
  }
  if (!first.given()) {
    plan.launcher = slurm::choose_launcher(plan.request, site);
    return;
  }
  plan.program_run = slurm::ScriptProgram{first.launcher, first.stop_signal};
  plan.launcher = slurm::program_starter(*plan.program_run, plan.request, site);
}

void refuse_mpirun_without_slurm(const slurm::ScriptPlan& plan, const slurm::Site& site) {
  if (!lacks_slurm_support(plan, site)) return;
  throw base::InputError(str(site.mpirun_version,
                             " here has no Slurm support and would use ssh: load another module, or set ",
                             plan.program_run ? "program" : "slurm", ".launcher = srun"));
}

std::vector<std::string> site_overrides(const std::vector<options::RunOptions>& runs, const slurm::Site& site) {
  std::vector<std::string> words;
  if (site.node_directories_persist && leave_persistence_to_site(runs)) {
    words.emplace_back("--checkpoint.fast_persists=true");
  }
  std::int64_t seconds = site.queue_seconds;
  for (const auto& run : runs) seconds = std::max(seconds, run.slurm.queue_seconds);
  const auto asks_more_often = [&](const auto& run) { return run.slurm.queue_seconds < site.queue_seconds; };
  if (std::ranges::any_of(runs, asks_more_often)) words.push_back(str("--slurm.queue_seconds=", seconds));
  return words;
}

std::string team_tree_of(const std::vector<options::RunOptions>& runs, const options::Overrides& overrides) {
  if (std::ranges::any_of(overrides, [](const auto& given) { return given.first == "data.tree"; })) return "";
  std::set<std::string> trees;
  for (const auto& run : runs) trees.insert(run.data.tree);
  return trees.size() == 1 ? *trees.begin() : "";
}

void name_ignored_variables() {
  std::string names;
  for (const std::string& name : slurm::sbatch_variables(slurm::own_environment())) {
    names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) return;
  base::print_warning(
      names + " in the environment does not count here: the run file's [slurm] section says what the job asks for");
}

}  // namespace trireme::launcher
