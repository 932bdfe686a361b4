#include "launcher/attempt/saving.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/host_limits.hpp"
#include "base/json.hpp"
#include "launcher/checkpointing/checkpoint_size.hpp"
#include "launcher/console/format.hpp"
#include "launcher/program/version.hpp"
#include "launcher/session/checkpoint_bridge.hpp"

namespace trireme::launcher {
namespace {

using std::chrono::steady_clock;

constexpr double kLeastSaidWait = 0.01;  // seconds

// What the newest attempt that chose one wrote into the ledger; 0 = none did.
int earlier_shards_per_node(const std::vector<slurm::Attempt>& attempts) {
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    if (attempt->ended && attempt->end.shards_per_node > 0) return attempt->end.shards_per_node;
  }
  return 0;
}

base::Json versions_as_json() {
  base::Json versions;
  for (const LibraryVersion& library : library_versions()) {
    versions[library.name] = library.loaded.empty() ? library.built_with : library.loaded;
  }
  return versions;
}

// The fast tier may lie in the memory that snapshots are taken from.
base::HostLimits limits_beside_fast_tier(const Session& session, const LoopParts& parts) {
  base::HostLimits limits = base::read_host_limits(parts.files);
  if (parts.fast == nullptr) return limits;
  const std::uint64_t taken = parts.fast->memory_to_come(checkpoint_bytes(session.resolved()));
  limits.memory_free_bytes -= std::min(limits.memory_free_bytes, taken);
  return limits;
}

}  // namespace

Saving::Saving(Session& session, const LoopParts& parts)
    : session_(session),
      parts_(parts),
      options_(session.resolved().options),
      memory_(state_memory(session.processor().device)),
      writer_(session.coordinator(), parts.files,
              {session.background_coordinator(), *memory_,
               snapshot_bytes(options_.checkpoint, limits_beside_fast_tier(session, parts), session.ranks_on_node()),
               snapshot_allocator(session.processor().device)}),
      saved_step_(parts.saved_step),
      automatic_(!options_.checkpoint.every_minutes && options_.checkpoint.every_steps == 0),
      shards_per_node_(options_.checkpoint.shards_per_node.value_or(checkpoint::ShardTuning::kFirst)),
      last_start_(steady_clock::now()) {
  if (parts_.run == nullptr) return;
  if (!options_.checkpoint.shards_per_node) {
    shard_tuning_.emplace(session.ranks_on_node(), earlier_shards_per_node(parts_.run->attempts()));
  }
  housekeeper_ = std::make_unique<Housekeeper>(
      parts_.files, options_.run.dir,
      checkpoint::PrunePolicy{options_.checkpoint.keep, options_.checkpoint.keep_every, parts_.resumed_from},
      [run = parts_.run] { return run->holds_lease(); });
}

double Saving::interval_seconds() const {
  constexpr double kUntilMeasured = 600;
  if (automatic_) return interval_ ? interval_->seconds : kUntilMeasured;
  return 60 * options_.checkpoint.every_minutes.value_or(0);
}

int Saving::shards_per_node() const {
  return shard_tuning_ && !shard_tuning_->reason().empty() ? shard_tuning_->files() : 0;
}

bool Saving::save_asked() const { return parts_.control != nullptr && parts_.control->save_asked(); }

bool Saving::is_due(const Position& at) {
  if (parts_.run == nullptr || (writer_.under_way() && !fast_)) return false;
  tell_housekeepers_warnings();
  if (saved_step_ == at.step) {
    if (at.step > 0 && save_asked()) answer_request(true);
    return false;
  }
  const double interval = interval_seconds();
  return save_asked() || (interval > 0 && base::seconds_since(last_start_) >= interval);
}

bool Saving::is_due_by_step(std::int64_t step) const {
  const std::int64_t every = options_.checkpoint.every_steps;
  return every > 0 && step % every == 0;
}

bool Saving::is_fast_due(std::int64_t step) const {
  return parts_.fast != nullptr && parts_.fast->is_due(step) && !writer_.under_way();
}

void Saving::begin() {
  fast_ = false;
  last_start_ = steady_clock::now();
  agree_on_shards();
  answers_request_ = save_asked();
  stall_ = 0.0;
  if (parts_.run == nullptr) return;
  parts_.run->begin_save();
  parts_.time->save_under_way(true);
}

void Saving::agree_on_shards() {
  if (options_.checkpoint.shards_per_node) return;
  if (shard_tuning_) shards_per_node_ = shard_tuning_->files();
  session_.world().control().broadcast(&shards_per_node_, 1, collectives::DataType::kInt64, 0);
}

void Saving::tune_shards(const checkpoint::SaveResult& saved) {
  if (!shard_tuning_ || shard_tuning_->settled()) return;
  shard_tuning_->saved(saved.bytes, saved.seconds);
  if (shard_tuning_->settled()) parts_.log.info(shard_tuning_->reason());
}

void Saving::start(const Position& at) {
  if (!options_.checkpoint.async) {
    save_now(at);
    return;
  }
  const auto start = steady_clock::now();
  const bool waited = writer_.under_way() && !fast_;
  finish();
  const double seconds = base::seconds_since(start);
  if (waited && seconds >= kLeastSaidWait && !std::exchange(said_waiting_, true)) {
    parts_.log.warn(base::str("the training waited ", format_duration(seconds),
                              " for a save to end before the next began: checkpoint.every_steps = ",
                              options_.checkpoint.every_steps, " is shorter than a save takes"));
  }
  begin();
  writer_.start(info_of(at, "checkpoints"), stored_boxes(session_.trainer().state()));
  stall_ = base::seconds_since(start);
}

void Saving::start_fast(const Position& at) {
  const auto start = steady_clock::now();
  checkpoint::SaveInfo info = info_of(at, "checkpoints");
  info.directory = parts_.fast->step_directories();
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
  const auto start = steady_clock::now();
  writer_.wait_for_snapshot();
  stall_ += base::seconds_since(start);
}

void Saving::finish() {
  if (writer_.under_way()) handle(writer_.finish());
}

bool Saving::save_now(const Position& at) {
  finish();
  if (saved_step_ == at.step) return true;
  const auto start = steady_clock::now();
  begin();
  const checkpoint::SaveResult saved =
      writer_.save(info_of(at, "checkpoints"), stored_boxes(session_.trainer().state()));
  stall_ = base::seconds_since(start);
  handle(saved);
  return saved.ok;
}

void Saving::end(std::int64_t step) {
  if (parts_.fast != nullptr && saved_step_ == step) parts_.fast->remove();
  if (!housekeeper_) return;
  housekeeper_->end();
  tell_housekeepers_warnings();
}

void Saving::handle(const checkpoint::SaveResult& saved) {
  if (saved.lease_lost) throw parts_.run != nullptr ? parts_.run->why_lost() : base::Error(saved.error);
  if (fast_) return handle_fast(saved);
  if (parts_.run != nullptr) parts_.time->save_under_way(false);
  if (answers_request_) answer_request(saved.ok);
  if (!saved.ok) {
    parts_.log.warn(base::str("no checkpoint of step ", saved.step, ": ", saved.error,
                              "; older checkpoints are as they were, and training goes on"));
    return;
  }
  parts_.progress.saved_step = saved_step_ = saved.step;
  cost_ = {stall_, saved.seconds};
  parts_.log.info(base::str("saved ", saved.path.string(), " (", format_bytes(static_cast<double>(saved.bytes)), " in ",
                            format_duration(saved.seconds), ", of which the training waited ", format_duration(stall_),
                            ")"));
  if (!saved.warning.empty()) parts_.log.warn(saved.warning);
  if (parts_.run == nullptr) return;
  parts_.run->saved();
  parts_.time->save_took(saved.seconds);
  tune_shards(saved);
  if (automatic_) choose_interval();
  housekeeper_->committed();
}

// It is made often: people hear of the first one, and when that changes.
void Saving::handle_fast(const checkpoint::SaveResult& saved) {
  if (std::exchange(fast_said_, saved.ok) == saved.ok) return;
  if (!saved.ok) {
    parts_.log.warn(base::str("fast tier: ", saved.error,
                              "; training goes on, and this is not said again until a later one is made"));
    return;
  }
  parts_.log.info(base::str("fast tier has step ", saved.step, " (", format_bytes(static_cast<double>(saved.bytes)),
                            " in ", format_duration(saved.seconds), ", of which the training waited ",
                            format_duration(stall_), "); later ones are not announced"));
}

void Saving::answer_request(bool saved) {
  answers_request_ = false;
  if (!saved) {
    parts_.control->save_failed();
  } else if (!parts_.control->save_made()) {
    parts_.log.warn(base::str("the request in ", slurm::control_file(options_.run.dir, slurm::Wish::kSave).string(),
                              " was honoured, but cannot be removed: delete it"));
  }
}

void Saving::choose_interval() {
  const bool first = !interval_;
  interval_ = slurm::best_interval(cost_, slurm::interruption_rate(parts_.run->attempts()), session_.world().size());
  if (first) parts_.log.info(interval_->reason);
}

void Saving::tell_housekeepers_warnings() {
  for (const std::string& warning : housekeeper_->warnings()) parts_.log.warn(warning);
}

checkpoint::SaveInfo Saving::info_of(const Position& at, const char* folder) {
  checkpoint::SaveInfo info;
  info.directory = std::filesystem::path(options_.run.dir) / folder;
  info.step = at.step;
  info.shards_per_node = static_cast<int>(shards_per_node_);
  if (parts_.run == nullptr) return info;
  info.run_id = parts_.run->run_id();
  info.attempt = parts_.attempt;
  info.job = parts_.run->job();
  info.token = parts_.run->token();
  info.options = options::to_ini(options_);
  info.layout = {{"text", base::str(topology::to_string(session_.resolved().degrees), ", ", options_.parallel.schedule,
                                    options_.parallel.zero > 0 ? ", zero 1" : "")},
                 {"tp", options_.parallel.tp},
                 {"pp", options_.parallel.pp},
                 {"dp", options_.parallel.dp},
                 {"schedule", options_.parallel.schedule},
                 {"chunks", options_.parallel.chunks},
                 {"zero", options_.parallel.zero}};
  info.cursor = tokens::to_json(parts_.train.cursor(at.consumed_samples));
  info.extra = {{"precision", options_.train.precision},
                {"skipped_steps", at.skipped_steps},
                {"tokenizer_hash", parts_.train.tokenizer_hash()}};
  info.versions = versions_as_json();
  info.holds_lease = [run = parts_.run] {
    run->sync_metrics();  // a checkpoint must not be newer than what is logged
    return run->holds_lease();
  };
  return info;
}

void Saving::dump_gradients(const Position& at) {
  checkpoint::SaveInfo info = info_of({at.step + 1, at.consumed_samples, at.skipped_steps}, "gradients");
  info.latest = false;
  checkpoint::Writer writer(session_.coordinator(), parts_.files, {session_.coordinator(), *memory_});
  const checkpoint::SaveResult saved = writer.save(info, stored_boxes(session_.trainer().gradients()));
  if (!saved.ok) {
    throw base::Error(base::str("the gradients of step ", info.step, " could not be written: ", saved.error));
  }
  parts_.log.info(base::str("wrote the gradients of step ", info.step, " to ", saved.path.string()));
}

}  // namespace trireme::launcher
