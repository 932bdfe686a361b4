// Rank 0's access to the run directory: the lease, the ledger of attempts, the metrics and the outcome.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "launcher/run_directory/lease_keeper.hpp"
#include "launcher/run_directory/metrics_log.hpp"
#include "launcher/run_directory/tensorboard/tensorboard_log.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/job/outcome.hpp"
#include "slurm/job/save_interval.hpp"

namespace trireme::launcher {

/// Who writes a run's metrics.jsonl.
enum class MetricsWriter {
  kAttempt,        ///< this object, by append_metrics()
  kProgram,        ///< somebody's own program ([program]) that never said what it saved: all lines stay
  kSavingProgram,  ///< one that did: lines past `start.first_step` move away
};

/// Made on rank 0 only, before anything is written to the directory.
class RunDirectory {
 public:
  /// Makes the directory, takes its lease and repairs what a killed attempt left. base::Error in one sentence when
  /// another job holds it or it cannot be written; base::Stopped when a stop was requested while waiting for the lease.
  RunDirectory(base::FileSystem& files, std::filesystem::path path, const slurm::JobEnvironment& job,
               const std::function<bool()>& stop_requested, const base::Log& log);
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::string& token() const { return lease_.holder().token; }
  /// The number this attempt will have, or has.
  int attempt() const { return attempt_; }
  /// The same for all attempts of the run; made by the first.
  const std::string& run_id() const { return run_id_; }
  /// The cluster of the Slurm job; "" outside Slurm or where it is not known.
  const std::string& cluster() const { return lease_.holder().cluster; }
  /// The Slurm job's id, or "local".
  const std::string& job() const { return lease_.holder().job; }
  const std::vector<slurm::Attempt>& attempts() const { return ledger_.attempts(); }
  /// How the last attempt ended, if it left no end: "killed", "preempted" where Slurm says so, or what a rank left.
  const std::string& killed_reason() const { return killed_reason_; }
  /// The last step that earlier attempts logged, 0 = none. Before begin().
  std::int64_t logged_step() const;

  /// Writes the attempt's start into the ledger, the resolved options into run.ini, and opens the metrics: lines
  /// after `start.first_step` move away. Also writes the missing end of a killed attempt.
  /// `tensorboard`: the lines are also written as TensorBoard's events, unless a program writes them.
  void begin(const slurm::AttemptStart& start, const std::string& options,
             MetricsWriter writer = MetricsWriter::kAttempt, bool tensorboard = false);

  /// Before each step. base::Error when a sign of life found that another job took over, or when the directory or its
  /// lease is not there any more (looked up once a second at most): end without writing.
  void keep_lease();
  bool holds_lease() { return lease_.holds_lease(); }
  /// When it is not: what became of the directory or its lease.
  base::Error why_lost() const;

  /// A line with "seconds" is a step's: the seconds count as lost until saved().
  void append_metrics(const base::Json& line);
  /// A line of the ledger about something that was seen, and what was done about it. After begin().
  void health(const slurm::HealthEvent& event);
  /// The attempt goes back to event.to_step: health(), and the lines of the metrics after that step move away.
  void roll_back(const slurm::HealthEvent& event);
  /// A save of all steps so far begins; one at a time.
  void begin_save() { seconds_in_save_ = unsaved_seconds_; }
  /// It is committed.
  void saved() { unsaved_seconds_ -= seconds_in_save_; }
  void sync_metrics();
  /// Sets, for a [program] run, the seconds that would be lost if the attempt ended now.
  void set_unsaved(double seconds) { unsaved_seconds_ = seconds; }
  /// Those of earlier attempts according to the metrics, oldest first. Call it after begin().
  const std::vector<Validation>& validations() const { return metrics_->validations(); }

  /// What this attempt measured, for the ledger: its longest step, its last save, how often it saved by time, into
  /// how many files per node (0 = not chosen).
  void took(double step_seconds, const slurm::SaveCost& save, double save_interval, int shards_per_node);
  /// The attempt's end: ledger and outcome file. Then gives the lease back.
  void end(const slurm::Outcome& outcome);
  /// The end by an error after `progress`, as far as the disk still lets it be written; never throws. The outcome's
  /// code is base::exit_code(error). `host`: the node that is to blame, "" for none; `remark` is put behind the error.
  void fail(const std::exception& error, const slurm::Progress& progress, bool come_back = true,
            const std::string& host = "", const std::string& remark = "") noexcept;
  /// Seconds since the lease was taken.
  double age() const;

 private:
  base::FileSystem& files_;
  std::filesystem::path path_;
  double last_beat_;  ///< of the attempt before, seconds since the epoch; 0 = not known
  LeaseKeeper lease_;
  slurm::AttemptLedger ledger_;
  std::unique_ptr<MetricsLog> metrics_;
  std::unique_ptr<TensorboardLog> tensorboard_;  ///< null: log.tensorboard is off
  std::string run_id_;
  std::chrono::steady_clock::time_point last_look_;
  std::string killed_reason_;
  int attempt_ = 1;
  int ranks_ = 1;
  double began_ = 0.0;
  double start_up_seconds_ = 0.0;
  double unsaved_seconds_ = 0.0;
  double seconds_in_save_ = 0.0;  ///< of these, in the save under way
  double step_seconds_ = 0.0;
  slurm::SaveCost save_;
  double save_interval_ = 0.0;
  int shards_per_node_ = 0;
  bool begun_ = false;
};

/// The attempts of a run as a table for people: number, when and why it started, layout, steps, lost steps,
/// device hours used and lost, how it ended.
std::string attempts_table(const std::vector<slurm::Attempt>& attempts);

}  // namespace trireme::launcher
