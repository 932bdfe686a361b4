// How a training saves: the writer beside the steps, and what follows from a save.
#pragma once

#include <memory>
#include <optional>

#include "io/checkpoint/save/writer.hpp"
#include "launcher/attempt/attempt_parts.hpp"
#include "launcher/attempt/checkpoint_scheduler.hpp"
#include "launcher/attempt/position.hpp"
#include "launcher/attempt/restore.hpp"
#include "launcher/attempt/save_requests.hpp"
#include "launcher/attempt/shards_per_node.hpp"
#include "launcher/attempt/stopwatch.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// All ranks call the collective methods in the same order; what rank 0 votes for is agreed in the loop's own
/// reduction.
class Saving {
 public:
  /// `fast` may be null. All outlive the object.
  Saving(Session& session, AttemptParts& parts, FastTier* fast, const Start& start);

  /// Rank 0's votes at a step boundary: the save under way is done, so finish() is to be called; a save is due by time
  /// or by request, so start() is. is_due() answers a request whose step is saved already.
  bool is_done() const { return writer_.finished(); }
  /// Any rank's vote for finish(), which then throws on that rank.
  bool broke_off() const { return writer_.broke_off(); }
  bool is_due(const Position& at);

  /// Collective. Begins a save of `at`, after waiting for one under way. With checkpoint.async = false all of it.
  void start(const Position& at);
  /// After a step: the save that is due by steps, here or to the fast tier, or that `best` asks for, since the step has
  /// the lowest validation loss so far. The same on all ranks.
  SaveDue due_after_step(const Position& at, bool best) const;
  /// Collective: begins what due_after_step() said.
  void after_step(const Position& at, SaveDue due);
  /// A validation: with checkpoint.keep_best the checkpoint with the lowest loss stays.
  void validated(const Validation& validation);
  /// On each rank, before the state changes: returns when the save under way needs the old state no more.
  void wait_for_snapshot();
  /// Collective: the end of the save under way, if there is one.
  void finish();
  /// Collective. True when `at` is saved, false when that failed.
  bool save_now(const Position& at);
  /// Collective: the end of this object's work, and not of the training. Afterwards nothing writes to the run
  /// directory.
  void leave();
  /// At the end of the training. Prunes expired checkpoints and stops reading back: afterwards nothing writes to the
  /// run directory. The fast tier is deleted when `step` is saved in the run directory.
  void end(std::int64_t step);
  /// Collective: a gradient dump of the step that follows `at`.
  void dump_gradients(const Position& at);

  /// The step of the newest checkpoint in the run directory; 0 = none.
  std::int64_t saved_step() const { return scheduler_.saved_step(); }
  /// Seconds for which saves held this rank's training up so far.
  double held_seconds() const { return held_.seconds(); }
  /// What the ledger records of the saves; longest_step is left 0. On rank 0.
  Measured measured() const { return {0.0, cost_, scheduler_.interval(), shards_.chosen()}; }

 private:
  CheckpointScheduler::UnderWay under_way() const;
  checkpoint::SaveInfo info_of(const Position& at, const char* folder);
  void begin();
  void start_fast(const Position& at);
  void handle(const checkpoint::SaveResult& saved);
  void handle_fast(const checkpoint::SaveResult& saved);
  void choose_interval();
  void warn_of_request(bool answered);
  void tell_housekeepers_warnings();

  Session& session_;
  AttemptParts& parts_;
  FastTier* fast_tier_;
  const options::RunOptions& options_;
  std::unique_ptr<checkpoint::StateMemory> memory_;
  checkpoint::Writer writer_;
  CheckpointScheduler scheduler_;
  SaveRequests requests_;
  ShardsPerNode shards_;
  std::unique_ptr<Housekeeping> housekeeping_;
  Stopwatch held_;
  slurm::SaveCost cost_;           ///< of the last save that was committed; zeros before
  double stall_ = 0.0;             ///< of the save under way, so far
  std::string hub_;                ///< HUB.json of every checkpoint; on rank 0
  bool fast_ = false;              ///< the save under way goes to the fast tier
  std::optional<bool> fast_said_;  ///< whether the last one that people heard of was made
  bool said_waiting_ = false;
};

}  // namespace trireme::launcher
