#include "launcher/submission/resume_step.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "slurm/submit/batch_script.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Kind = ResumeStep::Kind;

const slurm::Attempt* newest(const RunFacts& run) { return run.attempts.empty() ? nullptr : &run.attempts.back(); }

bool waits(const KnownJob& job) { return job.state == "PENDING" || job.state.starts_with("REQUEUE"); }

// Whether the job's newest attempt saw the stop: then its script ends it, whatever was lifted since.
bool is_leaving(const KnownJob& job, const ResumeFacts& facts) {
  const slurm::Attempt* last = newest(facts.run);
  return last != nullptr && last->ended && last->start.job_id == job.id && facts.outcome && !facts.outcome->come_back;
}

// Returns as many links as the record says, but no more than submit makes.
std::size_t chain_links(const RunFacts& run) {
  constexpr std::size_t kMost = 100;
  return std::clamp<std::size_t>(run.submission.jobs.size(), 1, kMost);
}

std::string by_hand(const ResumeFacts& facts) {
  if (!facts.run_file) return "to go on, call the command again that started the run";
  const std::string run_file = slurm::shell_word((std::filesystem::path(facts.directory) / "run.ini").string());
  if (was_in_slurm(facts.run)) {
    return str("no batch script of ours lies in the run directory: where the run was submitted, type: trireme submit ",
               run_file, " (or sbatch and the name of your own script, unless a job of it still waits)");
  }
  const slurm::Attempt* last = newest(facts.run);
  const int ranks = last == nullptr || facts.run.program ? 1 : last->start.ranks;  // a program starts its own
  return str("where the run was started, type: ", ranks > 1 ? str("mpirun -n ", ranks, " ") : "", "trireme train ",
             run_file);
}

ResumeStep step(Kind kind, const std::string& text) { return {kind, text, "", false, 1}; }

ResumeStep nothing(const std::string& text) { return step(Kind::kNothing, text); }

// What saw the stop before it was lifted ends all the same.
ResumeStep runs_already(const ResumeFacts& facts, const std::string& what) {
  return nothing(what + (facts.lifted ? "; if it saw the stop already it ends: then call trireme resume again" : ""));
}

ResumeStep submit(const ResumeFacts& facts) {
  const std::string behind = facts.queue.jobs.empty() ? "" : facts.queue.jobs.back().id;
  const std::string text =
      behind.empty()
          ? "nothing of the run is queued or running: its batch script is submitted again"
          : str("job ", behind, " saw the stop and is about to end: the batch script is submitted again behind it");
  return {Kind::kSubmit, text, behind, facts.of_array, chain_links(facts.run)};
}

}  // namespace

bool was_in_slurm(const RunFacts& run) {
  const slurm::Attempt* last = newest(run);
  return !run.submission.jobs.empty() || (last != nullptr && !last->start.job_id.empty());
}

ResumeStep decide_resume(const ResumeFacts& facts) {
  if (facts.run.alive) return runs_already(facts, holder_text(facts.run) + " is running");
  if (is_finished(facts.run)) return nothing("the run is done");
  const std::string again = "trireme resume " + slurm::shell_word(facts.directory);
  const std::string cluster = cluster_of(facts.run);
  if (!cluster.empty() && !facts.queue.cluster.empty() && cluster != facts.queue.cluster) {
    return step(Kind::kSay,
                str("the run's last job was one of cluster ", cluster, ", and this is ", facts.queue.cluster,
                    ", where it is not known: on a login node of ", cluster, ", type: ", again));
  }
  const auto& jobs = facts.queue.jobs;
  const auto waiting = std::ranges::find_if(jobs, waits);
  if (waiting != jobs.end()) return nothing(str("job ", waiting->id, " is queued: it goes on by itself"));
  const auto staying = std::ranges::find_if(jobs, [&](const KnownJob& job) { return !is_leaving(job, facts); });
  if (staying != jobs.end()) return runs_already(facts, str("job ", staying->id, " is running and trains next"));
  if (facts.script == ScriptState::kMissing) return step(Kind::kSay, by_hand(facts));
  if (facts.script == ScriptState::kAnothers) {
    return step(Kind::kSay, str("only its owner can submit the run again: ask ", facts.owner, " to type: ", again));
  }
  if (facts.queue.answer == RunInQueue::Answer::kNoSlurm) {
    return step(Kind::kSay, "there is no Slurm here: on a login node of the run's cluster, type: " + again);
  }
  if (facts.queue.answer == RunInQueue::Answer::kNone) {
    return step(Kind::kUnknown,
                "squeue does not answer, so whether a job of this run waits already is not known: nothing was "
                "submitted; later, type: " +
                    again);
  }
  return submit(facts);
}

std::string cluster_of(const RunFacts& run) {
  if (!run.lease_job.empty() && !run.lease_cluster.empty()) return run.lease_cluster;
  if (!run.submission.cluster.empty()) return run.submission.cluster;
  return run.attempts.empty() ? "" : run.attempts.back().start.cluster;
}

std::vector<KnownJob> jobs_of_run(const std::vector<KnownJob>& jobs, const RunFacts& run) {
  const std::string& name = run.submission.name;
  const slurm::ScriptRun wanted = {name.empty() ? run.path.filename().string() : name, "", run.path.string()};
  std::vector<std::string> ids = run.submission.jobs;
  if (!run.lease_job.empty()) ids.push_back(run.lease_job);
  for (const slurm::Attempt& attempt : run.attempts) {
    const bool elsewhere = !attempt.start.cluster.empty() && attempt.start.cluster != cluster_of(run);
    if (!attempt.start.job_id.empty() && !elsewhere) ids.push_back(attempt.start.job_id);
  }
  std::vector<KnownJob> found;
  for (const KnownJob& job : jobs) {
    std::string work_directory = run.submission.directory;
    if (work_directory.empty()) {
      const std::filesystem::path below = run.path.lexically_relative(job.directory);
      // A script that submitted itself again works where the first one did: above the run directory.
      if (!below.empty() && *below.begin() != "..") work_directory = job.directory;
    }
    if (job_of_run({job}, wanted, work_directory, ids)) found.push_back(job);
  }
  return found;
}

}  // namespace trireme::launcher
