#include "launcher/attempt/saving.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/host_limits.hpp"
#include "launcher/attempt/begun.hpp"
#include "launcher/attempt/save_description.hpp"
#include "launcher/checkpointing/checkpoint_size.hpp"
#include "launcher/console/saving_text.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "slurm/job/save_interval.hpp"

namespace trireme::launcher {
namespace {

using std::chrono::steady_clock;

constexpr double kLeastSaidWait = 0.01;  // seconds

// The fast tier may lie in the memory that snapshots are taken from.
base::HostLimits limits_beside_fast_tier(base::FileSystem& files, const FastTier* fast,
                                         const options::Resolved& resolved) {
  base::HostLimits limits = base::read_host_limits(files);
  if (fast == nullptr) return limits;
  const std::uint64_t taken = fast->memory_to_come(checkpoint_bytes(resolved));
  limits.memory_free_bytes -= std::min(limits.memory_free_bytes, taken);
  return limits;
}

}  // namespace

Saving::Saving(Session& session, AttemptParts& parts, FastTier* fast, const Start& start)
    : session_(session),
      parts_(parts),
      fast_tier_(fast),
      options_(session.resolved().options),
      memory_(state_memory(session.processor().device)),
      writer_(session.coordinator(), parts.files,
              {session.background_coordinator(), *memory_,
               snapshot_bytes(options_.checkpoint, limits_beside_fast_tier(parts.files, fast, session.resolved()),
                              session.ranks_on_node()),
               snapshot_allocator(session.device())}),
      scheduler_(save_rules(options_.checkpoint), start.saved_step, steady_clock::now()),
      requests_(parts.watched.requests()),
      shards_(options_.checkpoint.shards_per_node, session.ranks_on_node(), parts.keeper->attempts()),
      housekeeping_(
          parts.keeper->housekeeping({options_.checkpoint.keep, options_.checkpoint.keep_every, start.resumed_from()})),
      hub_(start.hub) {
  if (!options_.checkpoint.async || !session.device().cuda()) return;
  // Pinning takes long, and may fail: both belong into the start, not into the first save.
  session.world().together([&] { writer_.reserve(stored_boxes(session.trainer().state()), shards_.files()); });
}

CheckpointScheduler::UnderWay Saving::under_way() const {
  using UnderWay = CheckpointScheduler::UnderWay;
  if (!writer_.under_way()) return UnderWay::kNothing;
  return fast_ ? UnderWay::kFastTier : UnderWay::kCheckpoint;
}

bool Saving::is_due(const Position& at) {
  if (under_way() == CheckpointScheduler::UnderWay::kCheckpoint) return false;
  tell_housekeepers_warnings();
  const SaveDue due = scheduler_.at_boundary(at.step, steady_clock::now(), requests_.asked(), under_way());
  if (due == SaveDue::kAnswer) warn_of_request(requests_.saved_already());
  return due == SaveDue::kByRequest || due == SaveDue::kByTime;
}

SaveDue Saving::due_after_step(const Position& at, bool best) const {
  const SaveDue due = scheduler_.after_step(at.step, under_way());
  return best && saved_step() != at.step ? SaveDue::kBySteps : due;
}

void Saving::after_step(const Position& at, SaveDue due) {
  if (due == SaveDue::kBySteps) start(at);
  if (due == SaveDue::kInFastTier) start_fast(at);
}

void Saving::validated(const Validation& validation) {
  if (options_.checkpoint.keep_best) housekeeping_->validated(validation.step, validation.loss);
}

void Saving::begin() {
  fast_ = false;
  scheduler_.begun(steady_clock::now());
  shards_.agree(session_.world().control());
  requests_.save_begins();
  stall_ = 0.0;
  parts_.keeper->save_begins();
  parts_.watched.time().save_under_way(true);
}

void Saving::start(const Position& at) {
  const Stopwatch::Scope held(held_);
  if (!options_.checkpoint.async) {
    save_now(at);
    return;
  }
  const auto start = steady_clock::now();
  const bool waited = under_way() == CheckpointScheduler::UnderWay::kCheckpoint;
  finish();
  const double seconds = base::seconds_since(start);
  if (waited && seconds >= kLeastSaidWait && !std::exchange(said_waiting_, true)) {
    parts_.log.warn(waited_text(seconds, options_.checkpoint.every_steps));
  }
  begin();
  writer_.start(info_of(at, "checkpoints"), stored_boxes(session_.trainer().state()));
  stall_ = base::seconds_since(start);
}

void Saving::start_fast(const Position& at) {
  const Stopwatch::Scope held(held_);
  const auto start = steady_clock::now();
  checkpoint::SaveInfo info = info_of(at, "checkpoints");
  info.directory = fast_tier_->step_directories();
  info.node_local = true;
  info.latest = false;
  fast_ = true;
  const auto boxes = stored_boxes(session_.trainer().state());
  if (options_.checkpoint.async) {
    writer_.start(std::move(info), boxes);
    stall_ = base::seconds_since(start);
    return;
  }
  const checkpoint::SaveResult saved = writer_.save(info, boxes);
  stall_ = base::seconds_since(start);
  handle(saved);
}

void Saving::wait_for_snapshot() {
  if (!writer_.under_way()) return;
  const Stopwatch::Scope held(held_);
  const auto start = steady_clock::now();
  writer_.wait_for_snapshot();
  stall_ += base::seconds_since(start);
}

void Saving::finish() {
  const Stopwatch::Scope held(held_);
  if (writer_.under_way()) handle(writer_.finish());
}

bool Saving::save_now(const Position& at) {
  const Stopwatch::Scope held(held_);
  finish();
  if (scheduler_.at_end(at.step) == SaveDue::kNothing) return true;
  const auto start = steady_clock::now();
  begin();
  const checkpoint::SaveResult saved =
      writer_.save(info_of(at, "checkpoints"), stored_boxes(session_.trainer().state()));
  stall_ = base::seconds_since(start);
  handle(saved);
  return saved.ok;
}

void Saving::leave() {
  finish();
  housekeeping_->end();
  tell_housekeepers_warnings();
}

void Saving::end(std::int64_t step) {
  if (fast_tier_ != nullptr && saved_step() == step) fast_tier_->remove();
  housekeeping_->end();
  tell_housekeepers_warnings();
}

void Saving::handle(const checkpoint::SaveResult& saved) {
  if (saved.lease_lost) throw parts_.keeper->why_lost(saved.error);
  if (fast_) return handle_fast(saved);
  parts_.watched.time().save_under_way(false);
  warn_of_request(requests_.save_ended(saved.ok));
  if (!saved.ok) {
    parts_.log.warn(not_saved_text(saved));
    return;
  }
  scheduler_.saved(saved.step);
  parts_.progress->saved_step = saved.step;
  cost_ = {stall_, saved.seconds, cost_.stalls + stall_};
  parts_.log.info(saved_text(saved, stall_));
  if (!saved.warning.empty()) parts_.log.warn(saved.warning);
  parts_.keeper->save_committed();
  parts_.watched.time().save_took(saved.seconds);
  if (const auto settled = shards_.saved(saved.bytes, saved.seconds)) parts_.log.info(*settled);
  choose_interval();
  housekeeping_->committed();
}

// It is made often: people hear of the first one, and when that changes.
void Saving::handle_fast(const checkpoint::SaveResult& saved) {
  cost_.stalls += stall_;
  if (std::exchange(fast_said_, saved.ok) == saved.ok) return;
  if (saved.ok) {
    parts_.log.info(fast_saved_text(saved, stall_));
  } else {
    parts_.log.warn(fast_not_saved_text(saved));
  }
}

void Saving::choose_interval() {
  if (!scheduler_.chooses_interval()) return;
  const auto interval =
      slurm::best_interval(cost_, slurm::interruption_rate(parts_.keeper->attempts()), session_.world().size());
  if (scheduler_.choose(interval.seconds)) parts_.log.info(interval.reason);
}

void Saving::warn_of_request(bool answered) {
  if (!answered) {
    parts_.log.warn(request_stays_text(slurm::control_file(options_.run.dir, slurm::Wish::kSave)));
  }
}

void Saving::tell_housekeepers_warnings() {
  for (const std::string& warning : housekeeping_->warnings()) parts_.log.warn(warning);
}

checkpoint::SaveInfo Saving::info_of(const Position& at, const char* folder) {
  checkpoint::SaveInfo info;
  info.directory = std::filesystem::path(options_.run.dir) / folder;
  info.step = at.step;
  info.shards_per_node = shards_.files();
  if (parts_.keeper->sign(info)) {
    describe_training(parts_.input, at, info);
    add_to(info.extra, session_.trainer().begun());
  }
  info.hub = hub_;
  return info;
}

void Saving::dump_gradients(const Position& at) {
  checkpoint::SaveInfo info =
      info_of({at.step + 1, at.consumed_samples, at.skipped_steps, at.skipped, at.losses}, "gradients");
  info.latest = false;
  checkpoint::Writer writer(session_.coordinator(), parts_.files, {session_.coordinator(), *memory_});
  const checkpoint::SaveResult saved = writer.save(info, stored_boxes(session_.trainer().gradients()));
  if (!saved.ok) {
    throw base::Error(base::str("the gradients of step ", info.step, " could not be written: ", saved.error));
  }
  parts_.log.info(base::str("wrote the gradients of step ", info.step, " to ", saved.path.string()));
}

}  // namespace trireme::launcher
