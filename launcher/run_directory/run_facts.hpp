// What a run directory tells about its run, read without writing: no lease, no repair, only the end of metrics.jsonl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/control_files.hpp"

namespace trireme::launcher {

/// The newest step line of metrics.jsonl.
struct StepFacts {
  std::int64_t step = 0;
  std::optional<double> loss;
  double seconds = 0.0;  ///< mean of the steps that were read; 0 = the lines do not say
  double tokens_per_second = 0.0;
  double time = 0.0;  ///< when it was written; 0 = not known
};

struct RunFacts {
  std::filesystem::path path;  ///< absolute
  std::vector<slurm::Attempt> attempts;
  bool alive = false;           ///< a process holds the lease and gives signs of life
  std::string lease_job;        ///< of the lease, "" without one
  std::string lease_cluster;    ///< of that job; "" when the lease does not say
  SubmissionRecord submission;  ///< the last `trireme submit`
  std::optional<StepFacts> newest;
  bool program = false;         ///< the run is somebody's own program
  bool can_save = true;         ///< it can be asked to save: not a program without a program.save_signal
  std::int64_t steps = 0;       ///< of the whole training, as the program said; 0 = it did not, or is no program
  std::int64_t saved_step = 0;  ///< of the newest checkpoint
  std::int64_t save_every_steps = 0;
  std::optional<double> save_every_minutes;  ///< nothing: by steps, else by the interval that loses least
  double queue_seconds = 0;  ///< between two questions to the queue, as the run's file says; 0: not known
  std::optional<slurm::Request> stop;
  bool save_asked = false;
};

/// Whether this looks like the directory of a run: any of the files that submit or train make.
bool is_run_directory(base::FileSystem& files, const std::filesystem::path& path);

/// Never throws for what the files hold: torn, missing and foreign ones count as not there.
RunFacts read_run(base::FileSystem& files, const std::filesystem::path& path);

/// The newest losses of a run, oldest first, read from the end of its metrics.jsonl: what a sparkline shows. What
/// cannot be read counts as not there.
std::vector<double> newest_losses(base::FileSystem& files, const std::filesystem::path& path);

/// Whether a process holds the run and gives signs of life: RunFacts::alive, from the lease alone.
bool is_held_by_the_living(base::FileSystem& files, const std::filesystem::path& path);

/// Whether the run is finished: its last attempt did all steps that it was asked for, and the last submission asked for
/// no more; or its rule ended it early.
bool is_finished(const RunFacts& run);

/// Who holds the run, in words: "job 12", outside Slurm "attempt 3".
std::string holder_text(const RunFacts& run);

/// From the end of metrics.jsonl, which may begin and end within a line. Only a line with a "loss" is a step's, unless
/// somebody's own program wrote it.
std::optional<StepFacts> parse_metrics_tail(const std::string& tail, bool by_program = false);

}  // namespace trireme::launcher
