// attempts.jsonl: one line when an attempt starts, one when it ends, and one for each health event between. Only rank 0
// writes, holding the lease.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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
  std::string stop_when;          ///< the rule that may end it earlier, as the options write it; "" = none
  std::int64_t first_step = 0;    ///< steps already done when it starts
  double time = 0.0;              ///< seconds since the epoch
  double start_up_seconds = 0.0;  ///< from taking the lease to this line: building the model, loading the checkpoint
};

/// What is known when it ends.
struct AttemptEnd {
  /// "done", "done early: …", "paused at step 6", "stopped by SIGTERM", "preempted", "failed: …", or "killed". The next
  /// attempt writes "killed", and "preempted" when it learns that Slurm did it.
  std::string reason;
  std::int64_t last_step = 0;          ///< steps done in all
  std::int64_t saved_step = 0;         ///< of the newest checkpoint: steps after it are lost
  double device_seconds = 0.0;         ///< ranks x wall seconds; of a killed attempt up to its last logged step
  double lost_seconds = 0.0;           ///< of these, spent on starting up and on steps that no checkpoint holds
  double step_seconds = 0.0;           ///< longest of the last steps; 0 = not measured
  double save_seconds = 0.0;           ///< of the last save, from its start to the commit; 0 = not measured
  double save_stall_seconds = 0.0;     ///< of these, held the training up
  double save_interval_seconds = 0.0;  ///< between saves by time, as last chosen; 0 = none
  double stalled_seconds = 0.0;        ///< for which all saves of the attempt held the training up; of a killed one 0
  int shards_per_node = 0;  ///< files that each node writes per checkpoint, as chosen by their speed; 0 = not chosen
  double time = 0.0;
};

/// Something that an attempt saw, and what was done about it (docs/health.md).
struct HealthEvent {
  double time = 0.0;               ///< seconds since the epoch
  std::string kind;                ///< "spike", "nonfinite", "straggler", "corruption"
  std::string action;              ///< "stopped", "skipped", "rolled back", "named" (nothing was done)
  std::int64_t step = 0;           ///< the step it was seen in
  std::int64_t first_sample = -1;  ///< of the batch, as positions in the order of samples; -1: not about samples
  std::int64_t last_sample = -1;
  std::string order;          ///< which order of samples that is (tokens::order_id); "" = not about samples
  std::int64_t to_step = -1;  ///< of a roll-back, the step of the checkpoint that the run went back to; else -1
  double lost_seconds = 0.0;  ///< device seconds of the steps that a roll-back undid; in the attempt's end too
  std::int64_t rank = -1;     ///< whom it is about; -1 and "" where not one rank
  std::string host;
  std::string message;  ///< a sentence for people
};

/// One attempt as read back. `ended` is false while it runs, or when it was killed and no later attempt came.
struct Attempt {
  int number = 0;  ///< from 1
  AttemptStart start;
  bool ended = false;
  AttemptEnd end;
  std::vector<HealthEvent> health;  ///< as they came
};

inline constexpr const char* kSkipped = "skipped";
inline constexpr const char* kRolledBack = "rolled back";

/// Whether an attempt that ended with this reason was asked to: Slurm or somebody wanted it ("stopped by …",
/// "preempted", "paused …").
bool was_asked_to_end(const std::string& reason);
/// Whether it ended at the step where it was to pause.
bool is_paused(const std::string& reason);

/// Device seconds that the roll-backs of an attempt undid.
double rolled_back_seconds(const Attempt& attempt);

/// How the reason of a failure begins: "failed on n2: ", or "failed: " when no node is to blame (`host` is "").
std::string failed_on(const std::string& host);
/// The node that such a reason names; "" for none, and for what could not be the name of one.
std::string failed_host(const std::string& reason);

/// How an attempt ends whose program left with 75 although nobody asked it to.
inline constexpr const char* kLeftByItself = "left by itself (exit code 75)";
bool left_by_itself(const std::string& reason);
/// Whether train.stop_when ended it: "done early: …".
bool ended_early(const std::string& reason);

/// Whether the attempt was one of this job: of the same cluster, where the ledger names it.
bool is_of_job(const AttemptStart& attempt, const std::string& job_id, const std::string& cluster);

/// Why the attempt ended; `without_end` for one that left no end.
std::string end_reason(const Attempt& attempt, const std::string& without_end = "killed");

// What the attempts of a run tell, oldest first, as the ledger holds them.

/// The number of the attempt that starts next.
int next_number(const std::vector<Attempt>& attempts);

/// Whether the last attempt left no end: it runs, or it was killed and none started since.
bool is_last_open(const std::vector<Attempt>& attempts);

/// Whether a run of so many steps, which may end early by a rule, is finished: its last attempt ended with "done", at
/// that step or past it, or early by the same rule. A run that is asked for more steps than before is not, nor one that
/// ended early by a rule that was changed since.
bool is_finished(const std::vector<Attempt>& attempts, std::int64_t steps, const std::string& stop_when);
/// The same for what the last attempt was asked for.
bool is_finished(const std::vector<Attempt>& attempts);

/// Seconds that something took, each as the newest attempt that measured it recorded; 0: none did.
struct MeasuredSeconds {
  double start_up = 0.0;
  double step = 0.0;  ///< the longest of the last steps
  double save = 0.0;  ///< from its start to the commit
};
MeasuredSeconds last_measured(const std::vector<Attempt>& attempts);

/// The newest attempt that trained and recorded its end.
struct Pace {
  double seconds_per_step = 0.0;  ///< of its whole time, saves and validations included
  int ranks = 1;
  std::int64_t saved_step = 0;
};
std::optional<Pace> last_pace(const std::vector<Attempt>& attempts);

/// Files that each node writes per checkpoint, as the newest attempt that chose a number did; 0: none did.
int last_shards_per_node(const std::vector<Attempt>& attempts);

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
  /// Of the attempt under way.
  void health(const HealthEvent& event);

 private:
  void append(const base::Json& line);

  base::FileSystem& files_;
  std::filesystem::path file_;
  std::vector<Attempt> attempts_;
};

}  // namespace trireme::slurm
