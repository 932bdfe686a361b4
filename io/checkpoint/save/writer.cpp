#include "io/checkpoint/save/writer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/save/save_job.hpp"
#include "io/checkpoint/save/snapshot.hpp"

namespace trireme::checkpoint {
namespace {

using Clock = std::chrono::steady_clock;

SaveResult not_planned(const SaveInfo& info, const std::string& failure) {
  SaveResult result;
  result.step = info.step;
  result.error = base::str("cannot save step ", info.step, ": ", failure);
  return result;
}

}  // namespace

/// A save that a thread has taken over.
struct Writer::Running {
  SaveInfo info;
  Clock::time_point start;
  std::unique_ptr<Snapshot> snapshot;  ///< null when planning failed; the result then says why
  SaveResult result;
  std::exception_ptr error;
  std::atomic<bool> finished = false;

  std::mutex mutex;
  std::condition_variable changed;
  bool may_change = false;  ///< whether the boxes' memory may change

  std::thread thread;

  void let_go() {
    {
      const std::lock_guard lock(mutex);
      may_change = true;
    }
    changed.notify_all();
  }
};

Writer::Writer(Coordinator& coordinator, base::FileSystem& files)
    : files_(files), draining_(coordinator), memory_(host_memory_), pool_(0, allocate_huge), planner_(coordinator) {}

Writer::Writer(Coordinator& coordinator, base::FileSystem& files, const AsyncParts& parts)
    : files_(files),
      draining_(parts.draining),
      memory_(parts.memory),
      pool_(parts.pool_bytes, parts.allocate),
      planner_(coordinator) {}

Writer::~Writer() {
  if (!running_ || !running_->thread.joinable()) return;
  draining_.give_up();
  running_->thread.join();
}

SaveResult Writer::save(const SaveInfo& info, std::span<const StoredBox> boxes) {
  const auto start = Clock::now();
  const std::string failure = planner_.prepare(boxes, info.shards_per_node);
  if (!failure.empty()) return not_planned(info, failure);
  memory_.order_after_updates();
  HostPool none(0, allocate_huge);
  const PreparedSave& prepared = planner_.prepared();
  Snapshot snapshot(prepared.task.pieces, prepared.tensors, {boxes.begin(), boxes.end()}, memory_, none);
  SaveResult result = SaveJob(draining_, files_, info, prepared, snapshot).run(nullptr, [] {});
  result.seconds = base::seconds_since(start);
  return result;
}

void Writer::reserve(std::span<const StoredBox> boxes, int shards_per_node) {
  if (!planner_.prepare(boxes, shards_per_node).empty()) return;
  const PreparedSave& prepared = planner_.prepared();
  pool_.reserve(
      Snapshot(prepared.task.pieces, prepared.tensors, {boxes.begin(), boxes.end()}, memory_, pool_).pooled());
}

void Writer::start(SaveInfo info, std::span<const StoredBox> boxes) {
  if (running_) throw base::Error("a save is under way");
  auto running = std::make_unique<Running>();
  running->start = Clock::now();
  running->info = std::move(info);
  const std::string failure = planner_.prepare(boxes, running->info.shards_per_node);
  running_ = std::move(running);
  if (!failure.empty()) {
    running_->result = not_planned(running_->info, failure);
    running_->may_change = running_->finished = true;
    return;
  }
  memory_.order_after_updates();
  const PreparedSave& prepared = planner_.prepared();
  running_->snapshot = std::make_unique<Snapshot>(prepared.task.pieces, prepared.tensors,
                                                  std::vector<StoredBox>(boxes.begin(), boxes.end()), memory_, pool_);
  running_->thread = std::thread([this] { run(*running_); });
}

void Writer::run(Running& running) {
  try {
    // A copy that fails makes the save fail on all ranks: SaveJob::run learns of it here.
    std::exception_ptr copy_failure;
    try {
      running.snapshot->copy();
    } catch (const std::exception&) {
      copy_failure = std::current_exception();
    }
    if (!running.snapshot->has_live()) running.let_go();
    SaveJob job(draining_, files_, running.info, planner_.prepared(), *running.snapshot);
    running.result = job.run(copy_failure, [&running] { running.let_go(); });
    running.result.seconds = base::seconds_since(running.start);
  } catch (const std::exception&) {
    running.error = std::current_exception();
  }
  running.let_go();
  running.finished = true;
}

void Writer::wait_for_snapshot() {
  if (!running_) return;
  std::unique_lock lock(running_->mutex);
  running_->changed.wait(lock, [this] { return running_->may_change; });
}

bool Writer::finished() const { return running_ && running_->finished; }

bool Writer::broke_off() const { return finished() && running_->error; }

SaveResult Writer::finish() {
  if (!running_) throw base::Error("no save is under way");
  if (running_->thread.joinable()) running_->thread.join();
  const auto done = std::exchange(running_, nullptr);
  if (done->error) std::rethrow_exception(done->error);
  return done->result;
}

}  // namespace trireme::checkpoint
