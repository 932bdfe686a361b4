// What one rank does for all beside training: it holds the run directory and writes down what happens.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/save/save_info.hpp"
#include "launcher/checkpointing/housekeeper.hpp"
#include "launcher/run_directory/metrics_log.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/outcome.hpp"
#include "slurm/job/save_interval.hpp"

namespace trireme::launcher {

/// What an attempt measured, for the ledger. Seconds; 0 = not measured or not chosen.
struct Measured {
  double longest_step = 0.0;
  slurm::SaveCost save;        ///< the last one
  double save_interval = 0.0;  ///< between saves by time
  int shards_per_node = 0;     ///< chosen by their speed
};

/// This class is what the other ranks have: it knows nothing and does nothing. Rank 0 has a DirectoryKeeper.
class RunKeeper {
 public:
  RunKeeper() = default;
  RunKeeper(const RunKeeper&) = delete;
  RunKeeper& operator=(const RunKeeper&) = delete;
  virtual ~RunKeeper() = default;

  /// The number this attempt will have, or has; 0 where it is not known.
  virtual int attempt() const { return 0; }
  virtual std::string run_id() const { return {}; }
  /// The Slurm job's id, or "local".
  virtual std::string job() const { return {}; }
  /// All attempts of the run; after begin() with this one.
  virtual const std::vector<slurm::Attempt>& attempts() const { return no_attempts_; }
  /// The last step that earlier attempts logged, 0 = none. Before begin(); reads the metrics.
  virtual std::int64_t logged_step() const { return 0; }

  /// The attempt starts training: the ledger's line, run.ini and the metrics. Completes `start` by what the run
  /// directory knows: run_id, reason, cluster and start_up_seconds.
  virtual void begin(const slurm::AttemptStart& /*start*/, const std::string& /*options*/) {}
  /// Before each step. base::Error when the directory is not this attempt's any more.
  virtual void keep_lease() {}
  /// One line of the metrics; with "seconds" it is a step's.
  virtual void append_metrics(const base::Json& /*line*/) {}
  /// Whether a batch script of Trireme's starts the next attempt when this one fails.
  virtual bool is_restarted() const { return false; }
  /// A line of the ledger.
  virtual void health(const slurm::HealthEvent& /*event*/) {}
  /// The attempt goes back to event.to_step: the ledger's line, and the metrics after that step move away.
  virtual void roll_back(const slurm::HealthEvent& /*event*/) {}
  /// The validations of earlier attempts according to the metrics, oldest first. Call it after begin().
  virtual std::vector<Validation> validations() const { return {}; }

  /// Says in `info` which run and attempt saves, and what asks for the lease before the commit. False when nobody
  /// reads what `info` says beyond that.
  virtual bool sign(checkpoint::SaveInfo& /*info*/) { return false; }
  /// A save of all steps so far begins; one at a time.
  virtual void save_begins() {}
  virtual void save_committed() {}
  /// The error to end with after a save that found the lease lost; `error` is what the save said.
  virtual base::Error why_lost(const std::string& error) const { return base::Error(error); }
  /// Looks after the run directory's checkpoints as long as it lives.
  virtual std::unique_ptr<Housekeeping> housekeeping(const checkpoint::PrunePolicy& /*policy*/) {
    return std::make_unique<Housekeeping>();
  }

  /// The attempt's end: ledger and outcome file. Then gives the lease back.
  virtual void end(const slurm::Outcome& /*outcome*/, const Measured& /*measured*/) {}
  /// The end by an error after `progress`, as far as the disk still lets it be written. `come_back` false: somebody
  /// asked for the run to stay stopped. `host`: the node that is to blame, "" for none; `remark` is put behind the
  /// error.
  virtual void fail(const std::exception& /*error*/, const slurm::Progress& /*progress*/, bool /*come_back*/,
                    const std::string& /*host*/, const std::string& /*remark*/) noexcept {}

 private:
  std::vector<slurm::Attempt> no_attempts_;
};

}  // namespace trireme::launcher
