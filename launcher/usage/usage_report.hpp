// Sums what runs and jobs took in a window of time, by person and by project. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/usage/run_record.hpp"
#include "slurm/queue/job_records.hpp"
#include "slurm/site/accounting_text.hpp"

namespace trireme::launcher {

/// Waits in the queue that ended in the window; their seconds as far as they lie in it.
struct Waits {
  double seconds = 0;
  std::size_t starts = 0;
};

/// Device time that a sweep did not spend, since it paused trials or ended them before their last step.
struct SparedTime {
  std::string person;
  std::string project;
  bool gpus = false;
  double seconds = 0;  ///< device seconds
};

/// The runs of one person or project, of those with GPUs and of those without each.
struct UsageLine {
  std::string name;
  bool gpus = false;
  std::size_t runs = 0;  ///< that ran in the window
  std::size_t attempts = 0;
  DeviceTime time;
  double spared = 0;  ///< SparedTime
  Waits waits;
  std::uint64_t checkpoints = 0;  ///< of all runs, now
  std::uint64_t checkpoint_bytes = 0;
};

/// What the top 5% (at least one) used of all device hours.
struct TopShare {
  std::string of;  ///< "people", "runs" or "people, all jobs"
  bool gpus = false;
  std::size_t top = 0;
  std::size_t all = 0;
  double share = 0;  ///< 0..1
};

/// All jobs of one person, whatever they run, as the accounting has them.
struct PersonJobs {
  std::string person;
  std::size_t starts = 0;  ///< in the window
  double cpu_seconds = 0;
  double gpu_seconds = 0;
  Waits waits;
  std::optional<double> fair_share;  ///< the lowest factor among the person's accounts
};

struct UsageReport {
  Span window;
  std::vector<UsageLine> people;    ///< the most hours first, GPU hours before CPU hours
  std::vector<UsageLine> projects;  ///< the same
  std::vector<TopShare> top;
  std::vector<PersonJobs> jobs;  ///< empty without an answer of sacct and sshare
  std::size_t runs = 0;          ///< that were read
  std::size_t impossible = 0;    ///< RunUse::impossible of all runs
};

/// Answers of the accounting; nothing where it did not answer.
struct Accounting {
  std::optional<std::vector<slurm::JobRecord>> jobs;
  std::optional<std::vector<slurm::FairShare>> shares;
};

/// Sets person (`name_of` a user id) and project of each: the account that sacct names for the run's newest job that it
/// knows, else that of run.ini, else the folder with a slash behind it.
void name_records(std::vector<RunRecord>& runs, const Accounting& accounting,
                  const std::function<std::string(std::uint32_t)>& name_of);

/// An attempt that the window cuts counts in proportion: half of its time inside is half of what it used and lost.
/// Waits of jobs that sacct knows are sacct's, of others the ledgers'. `window.end` is now.
UsageReport usage_report(const std::vector<RunRecord>& runs, const std::vector<SparedTime>& spared,
                         const Accounting& accounting, const Span& window);

/// The share that the largest 5% (rounded up) of `amounts` have of their sum. Nothing when that is 0.
std::optional<TopShare> top_share(const std::string& of, bool gpus, std::vector<double> amounts);

}  // namespace trireme::launcher
