#include "launcher/housekeeper.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/verify.hpp"

namespace trireme::launcher {
namespace {

/// Of the calling thread: it runs, and its reads are served, when nobody else wants to. Refusals do not matter.
void take_lowest_priority() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  constexpr int kThisThread = 1;       // IOPRIO_WHO_PROCESS, with id 0
  constexpr int kIdleClass = 3 << 13;  // IOPRIO_CLASS_IDLE
  ::syscall(SYS_ioprio_set, kThisThread, 0, kIdleClass);
}

}  // namespace

Housekeeper::Housekeeper(base::FileSystem& files, std::filesystem::path run_directory, checkpoint::PrunePolicy policy,
                         std::function<bool()> still_mine)
    : files_(files),
      run_directory_(std::move(run_directory)),
      policy_(policy),
      still_mine_(std::move(still_mine)),
      thread_([this] { work(); }) {}

void Housekeeper::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::committed(std::int64_t step) {
  {
    const std::lock_guard lock(mutex_);
    newest_ = step;
  }
  wake_.notify_all();
}

std::vector<std::string> Housekeeper::warnings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(warnings_, {});
}

void Housekeeper::warn(std::string text) {
  const std::lock_guard lock(mutex_);
  warnings_.push_back(std::move(text));
}

bool Housekeeper::interrupted() {
  const std::lock_guard lock(mutex_);
  return ending_ || newest_;
}

void Housekeeper::work() {
  take_lowest_priority();
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return ending_ || newest_; });
    const auto step = std::exchange(newest_, std::nullopt);
    lock.unlock();
    if (!step) return;
    prune();
    if (!interrupted()) read_back(*step);
  }
}

void Housekeeper::prune() {
  try {
    if (still_mine_()) checkpoint::prune(files_, run_directory_, policy_);
  } catch (const std::exception& error) {
    warn(base::str("old checkpoints could not be removed: ", error.what()));
  }
}

void Housekeeper::read_back(std::int64_t step) {
  const auto path = checkpoint::step_directory(run_directory_, step);
  try {
    const checkpoint::VerifyResult result =
        checkpoint::verify(files_, path, false, 1, [this](std::uint64_t) { return !interrupted(); });
    if (result.stopped || !still_mine_()) return;
    if (result.findings.empty()) {
      checkpoint::append_verified(files_, path, result.manifest);
      return;
    }
    warn(base::str(path.string(), " was read back and is damaged: ", result.findings[0].subject, ": ",
                   result.findings[0].problem, "; a resume would take an older checkpoint"));
  } catch (const std::exception& error) {
    warn(base::str(path.string(), " could not be read back: ", error.what()));
  }
}

}  // namespace trireme::launcher
