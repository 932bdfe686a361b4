#include "launcher/submission/resubmission.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <system_error>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/user_name.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "slurm/submit/settings.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using base::str;

bool is_over(const std::string& state) {
  constexpr std::array kOver = {"COMPLETING", "COMPLETED", "CANCELLED", "FAILED",        "TIMEOUT", "NODE_FAIL",
                                "PREEMPTED",  "BOOT_FAIL", "DEADLINE",  "OUT_OF_MEMORY", "REVOKED", "STAGE_OUT"};
  return std::ranges::find(kOver, state) != kOver.end();
}

bool writable(const fs::path& path) { return ::access(path.c_str(), W_OK) == 0; }

void check_rights(const slurm::ScriptRun& run) {
  const auto refused = first_unwritable(run.run_directory);
  if (!refused) return;
  struct stat status {};
  const bool known = ::stat(run.run_directory.c_str(), &status) == 0;
  throw base::InputError(str("the run directory ", run.run_directory, " belongs to ",
                             known ? base::user_name(status.st_uid) : "somebody else", ", and you may not write ",
                             refused->string(), ": nothing was written or submitted. Ask its owner to submit, or ",
                             "train on in a directory of your own: --run.dir=DIR --model.init_from=", run.run_directory,
                             "/checkpoints/step_N"));
}

bool waits_for_another(const slurm::JobRequest& request) {
  return std::ranges::any_of(slurm::extra_words(request.extra), [](const std::string& word) {
    return word.starts_with("--dep") || word.starts_with("-d");
  });
}

}  // namespace

std::vector<std::string> submitters_of(const std::vector<slurm::ScriptRun>& runs) {
  std::vector<std::string> users = {base::user_name(::geteuid())};
  for (const slurm::ScriptRun& run : runs) {
    struct stat status {};
    if (::stat(run.run_directory.c_str(), &status) != 0) continue;
    const std::string owner = base::user_name(status.st_uid);
    if (std::ranges::count(users, owner) == 0) users.push_back(owner);
  }
  return users;
}

std::vector<std::string> known_jobs_command(const std::vector<std::string>& users) {
  std::string list;
  for (const std::string& user : users) list += (list.empty() ? "" : ",") + user;
  return {"squeue", "--noheader", "--array", "--user=" + list, "--format=%i|%T|%j|%o|%Z"};
}

std::vector<KnownJob> parse_known_jobs(const std::string& answer) {
  std::vector<KnownJob> jobs;
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    std::array<std::string, 5> fields;
    std::size_t begin = 0, count = 0;
    for (; count < fields.size(); ++count) {
      // The directory is last, since it may contain the separator.
      const std::size_t end = count + 1 < fields.size() ? line.find('|', begin) : line.size();
      if (end == std::string::npos) break;
      fields[count] = line.substr(begin, end - begin);
      begin = end + 1;
    }
    if (count == fields.size()) jobs.push_back({fields[0], fields[1], fields[2], fields[3], fields[4]});
  }
  return jobs;
}

bool is_in_queue(const KnownJob& job) { return !is_over(job.state); }

std::optional<KnownJob> job_of_run(const std::vector<KnownJob>& jobs, const slurm::ScriptRun& run,
                                   const std::string& work_directory, const std::vector<std::string>& submitted) {
  const std::string script = (fs::path(run.run_directory) / kBatchScript).string();
  for (const KnownJob& job : jobs) {
    const std::size_t task = job.id.find('_');
    const bool first_or_only = task == std::string::npos || job.id.substr(task) == "_0";
    const bool recorded = std::ranges::count(submitted, job.id) != 0;
    // A script that submits itself again is recognised by the name of the copy that Slurm keeps of it.
    const bool again = task == std::string::npos && job.command.ends_with("/slurm_script") && job.name == run.name &&
                       job.directory == work_directory;
    if ((recorded || (first_or_only && job.command == script) || again) && !is_over(job.state)) return job;
  }
  return std::nullopt;
}

std::optional<fs::path> first_unwritable(const fs::path& run_directory) {
  std::error_code missing;
  if (!fs::exists(run_directory, missing)) return std::nullopt;
  std::vector<fs::path> needed = {run_directory};
  for (const char* name : {"logs", "control", "checkpoints", "attempts.jsonl", "metrics.jsonl", "lease"}) {
    needed.push_back(run_directory / name);
  }
  // Deleting older checkpoints takes the right to write in them.
  for (const auto& step : fs::directory_iterator(run_directory / "checkpoints", missing)) {
    if (step.path().filename().string().starts_with("step_")) needed.push_back(step.path());
  }
  for (const fs::path& path : needed) {
    if (fs::exists(path, missing) && !writable(path)) return path;
  }
  return std::nullopt;
}

void check_resubmission(base::FileSystem& files, const slurm::ScriptPlan& plan, const slurm::RunCommand& run) {
  for (const slurm::ScriptRun& one : plan.runs) check_rights(one);
  if (waits_for_another(plan.request)) return;
  const auto answer = slurm::output_of(run, known_jobs_command(submitters_of(plan.runs)));
  if (!answer) {
    base::print_warning("squeue does not answer: whether a job of this run waits already is not known");
    return;
  }
  const auto jobs = parse_known_jobs(*answer);
  for (const slurm::ScriptRun& one : plan.runs) {
    const auto job = job_of_run(jobs, one, plan.work_directory, last_submission(files, one.run_directory).jobs);
    if (!job) continue;
    throw base::InputError(str(one.run_directory, " is job ", job->id, " already (", job->state,
                               "): it goes on by itself. To end that job first: trireme stop ", one.run_directory,
                               ", or scancel ", job->id,
                               "; to queue another one behind it: --slurm.extra=--dependency=", "afterany:", job->id));
  }
}

}  // namespace trireme::launcher
