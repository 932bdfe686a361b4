// attempts.jsonl: one line when an attempt starts and one when it ends. Only rank 0 writes, holding the lease.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::slurm {

/// What is known about an attempt when it starts.
struct AttemptStart {
  std::string run_id;   ///< the same in all attempts of a run
  std::string reason;   ///< start_reason()
  std::string job_id;   ///< "" outside Slurm
  std::string cluster;  ///< of the job; "" outside Slurm, and in ledgers of earlier versions
  int restart_count = 0;
  std::string partition;  ///< "" outside Slurm
  std::string layout;     ///< "tp2·pp2"
  std::vector<std::string> hosts;
  int ranks = 1;
  bool gpus = false;              ///< the ranks use GPUs: then device seconds are GPU-seconds
  std::int64_t steps = 0;         ///< of the whole training; 0 = not known
  std::int64_t first_step = 0;    ///< steps already done when it starts
  double time = 0.0;              ///< seconds since the epoch
  double start_up_seconds = 0.0;  ///< from taking the lease to this line: building the model, loading the checkpoint
};

/// What is known when it ends.
struct AttemptEnd {
  /// "done", "stopped by SIGTERM", "preempted", "failed: …", or "killed". The next attempt writes "killed", and
  /// "preempted" when it learns that Slurm did it.
  std::string reason;
  std::int64_t last_step = 0;          ///< steps done in all
  std::int64_t saved_step = 0;         ///< of the newest checkpoint: steps after it are lost
  double device_seconds = 0.0;         ///< ranks x wall seconds; of a killed attempt up to its last logged step
  double lost_seconds = 0.0;           ///< of these, spent on starting up and on steps that no checkpoint holds
  double step_seconds = 0.0;           ///< longest of the last steps; 0 = not measured
  double save_seconds = 0.0;           ///< of the last save, from its start to the commit; 0 = not measured
  double save_stall_seconds = 0.0;     ///< of these, held the training up
  double save_interval_seconds = 0.0;  ///< between saves by time, as last chosen; 0 = none
  int shards_per_node = 0;  ///< files that each node writes per checkpoint, as chosen by their speed; 0 = not chosen
  double time = 0.0;
};

/// One attempt as read back. `ended` is false while it runs, or when it was killed and no later attempt came.
struct Attempt {
  int number = 0;  ///< from 1
  AttemptStart start;
  bool ended = false;
  AttemptEnd end;
};

/// Whether an attempt that ended with this reason was asked to: Slurm or somebody wanted it ("stopped by …",
/// "preempted").
bool was_asked_to_end(const std::string& reason);

/// Whether the attempt was one of this job: of the same cluster, where the ledger names it.
bool is_of_job(const AttemptStart& attempt, const std::string& job_id, const std::string& cluster);

/// Reads the ledger; damaged lines and a torn last one are passed over, and so are run ids and hosts that could not be
/// parts of paths or words of commands. A missing file is an empty ledger. base::InputError for what is no file of the
/// run's own (base/own_file.hpp).
std::vector<Attempt> read_attempts(base::FileSystem& files, const std::filesystem::path& file,
                                   base::Trust trust = base::Trust::kOwner);

/// Appends to the ledger, each line fsynced.
class AttemptLedger {
 public:
  /// Repairs a torn last line. `files` must outlive the ledger.
  AttemptLedger(base::FileSystem& files, std::filesystem::path file);

  const std::vector<Attempt>& attempts() const { return attempts_; }
  /// Writes the missing end of the attempt before, if it has none (it was killed): `progress_of_killed` holds it as
  /// far as metrics and checkpoints show. Then the start line. Returns the new attempt's number.
  int start(const AttemptStart& start, const AttemptEnd& progress_of_killed);
  void end(const AttemptEnd& end);

 private:
  void append(const base::Json& line);

  base::FileSystem& files_;
  std::filesystem::path file_;
  std::vector<Attempt> attempts_;
};

}  // namespace trireme::slurm
