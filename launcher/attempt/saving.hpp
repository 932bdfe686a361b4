// When a training saves, and what follows from it: the writer beside the steps, deleting, reading back, what the ledger
// and people hear.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "io/checkpoint/save/shard_tuning.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "launcher/attempt/loop_parts.hpp"
#include "launcher/checkpointing/housekeeper.hpp"
#include "launcher/session/session.hpp"
#include "slurm/job/save_interval.hpp"

namespace trireme::launcher {

/// All ranks call the collective methods in the same order; what rank 0 votes for is agreed in the loop's own
/// reduction.
class Saving {
 public:
  Saving(Session& session, const LoopParts& parts);

  /// Rank 0's votes at a step boundary, 0 on other ranks: the save under way is done, so finish() is to be called; a
  /// save is due by time or by request, so start() is.
  bool is_done() const { return parts_.run != nullptr && writer_.finished(); }
  bool is_due(const Position& at);
  /// By checkpoint.every_steps; the same on all ranks.
  bool is_due_by_step(std::int64_t step) const;

  /// By checkpoint.fast_every_steps, unless another save goes on; the same on all ranks.
  bool is_fast_due(std::int64_t step) const;

  /// Collective. Begins a save of `at`, after waiting for one under way. With checkpoint.async = false all of it.
  void start(const Position& at);
  /// Collective, when is_fast_due(): the same, to the fast tier.
  void start_fast(const Position& at);
  /// On each rank, before the state changes.
  void wait_for_snapshot();
  /// Collective: the end of the save under way, if there is one.
  void finish();
  /// Collective: returns when `at` is saved, or false when that failed.
  bool save_now(const Position& at);
  /// At the end of the training. Deletes what is to go and stops reading back: afterwards nothing writes to the run
  /// directory. The fast tier goes when `step` is saved in the run directory.
  void end(std::int64_t step);
  /// Collective: a gradient dump of the step that follows `at`.
  void dump_gradients(const Position& at);

  /// Of the newest checkpoint; 0 = none.
  std::int64_t saved_step() const { return saved_step_; }
  /// Of the last save that was committed; zeros before.
  const slurm::SaveCost& cost() const { return cost_; }
  /// Seconds between saves by time; 0 = none. On rank 0.
  double interval_seconds() const;
  /// Files per node and checkpoint, once they were chosen by their speed; 0 = not chosen. On rank 0.
  int shards_per_node() const;

 private:
  checkpoint::SaveInfo info_of(const Position& at, const char* folder);
  void handle(const checkpoint::SaveResult& result);
  void handle_fast(const checkpoint::SaveResult& result);
  void begin();
  /// Collective: rank 0 knows how fast the saves were.
  void agree_on_shards();
  void tune_shards(const checkpoint::SaveResult& saved);
  /// On rank 0: of the control file.
  void answer_request(bool saved);
  void choose_interval();
  bool save_asked() const;
  void tell_housekeepers_warnings();

  Session& session_;
  LoopParts parts_;
  const options::RunOptions& options_;
  std::unique_ptr<checkpoint::StateMemory> memory_;
  checkpoint::Writer writer_;
  std::unique_ptr<Housekeeper> housekeeper_;  ///< on rank 0
  std::int64_t saved_step_;
  slurm::SaveCost cost_;
  double stall_ = 0.0;             ///< of the save under way, so far
  bool fast_ = false;              ///< the save under way goes to the fast tier
  std::optional<bool> fast_said_;  ///< whether the last one that people heard of was made
  bool automatic_ = false;
  std::optional<slurm::SaveInterval> interval_;          ///< on rank 0, once a save was measured
  std::optional<checkpoint::ShardTuning> shard_tuning_;  ///< on rank 0, with checkpoint.shards_per_node = auto
  std::int64_t shards_per_node_ = 0;                     ///< of the next save, the same on all ranks
  bool answers_request_ = false;                         ///< the save under way does, on rank 0
  bool said_waiting_ = false;
  std::chrono::steady_clock::time_point last_start_;
};

}  // namespace trireme::launcher
