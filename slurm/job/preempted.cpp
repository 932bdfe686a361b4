#include "slurm/job/preempted.hpp"

#include <sstream>
#include <thread>
#include <utility>

namespace trireme::slurm {

std::vector<std::string> show_job(const std::string& id) { return {"scontrol", "--oneliner", "show", "job", id}; }

bool says_preempted(const std::string& answer) {
  std::istringstream words(answer);
  for (std::string word; words >> word;) {
    if (word == "JobState=PREEMPTED") return true;
    // "PreemptTime=2026-11-29T20:52:54", or None.
    if (word.starts_with("PreemptTime=") && word.find('T', word.find('=')) != std::string::npos) return true;
  }
  return false;
}

bool start_was_preempted(const std::string& states, int restarts) {
  std::istringstream lines(states);
  std::string state;
  for (int start = 0; start <= restarts; ++start) {
    if (!std::getline(lines, state)) return false;
  }
  return state.starts_with("PREEMPTED");
}

bool was_preempted(const RunCommand& run, const AttemptStart& attempt, const JobEnvironment& job,
                   const std::string& cluster) {
  if (attempt.job_id.empty() || (!attempt.cluster.empty() && attempt.cluster != cluster)) return false;
  const bool requeued = attempt.job_id == job.job_id;
  if (requeued && attempt.restart_count >= job.restart_count) return false;  // restarted in the allocation
  // Slurm forgets a preemption when the job is queued again; of another job it keeps the state for some minutes.
  if (!requeued && says_preempted(output_of(run, show_job(attempt.job_id)).value_or(""))) return true;
  const auto states = output_of(run, {"sacct", "--noheader", "--parsable2", "--duplicates", "--allocations",
                                      "--jobs=" + attempt.job_id, "--format=State"});
  return states && start_was_preempted(*states, attempt.restart_count);
}

PreemptionQuestion::PreemptionQuestion(std::string job_id)
    : PreemptionQuestion(
          [](const std::vector<std::string>& words) {
            return run_command_within(std::chrono::duration<double>(kPatience).count(), words);
          },
          std::move(job_id)) {}

PreemptionQuestion::PreemptionQuestion(RunCommand run, std::string job_id)
    : asked_(std::chrono::steady_clock::now()),
      answer_(std::async(std::launch::async, [run = std::move(run), job_id = std::move(job_id)] {
                for (int asked = 1;; ++asked) {
                  if (says_preempted(output_of(run, show_job(job_id)).value_or(""))) return true;
                  if (asked == kQuestions) return false;
                  std::this_thread::sleep_for(kPause);
                }
              }).share()) {}

bool PreemptionQuestion::answer(std::chrono::milliseconds patience) const {
  return answer_.wait_until(asked_ + patience) == std::future_status::ready && answer_.get();
}

}  // namespace trireme::slurm
