#include "launcher/checkpointing/housekeeper.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::launcher {
namespace {

constexpr auto kAtTheEnd = std::chrono::seconds(5);

/// Lets others come before the calling thread, on the processor and on the disk. Refusals do not matter.
void take_low_priority() {
  constexpr int kNice = 10;
  constexpr int kThisThread = 1;       // IOPRIO_WHO_PROCESS, with id 0
  constexpr int kIdleClass = 3 << 13;  // IOPRIO_CLASS_IDLE
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  ::syscall(SYS_ioprio_set, kThisThread, 0, kIdleClass);
}

}  // namespace

Housekeeper::Housekeeper(base::FileSystem& files, std::filesystem::path run_directory, checkpoint::PrunePolicy policy,
                         std::function<bool()> holds_lease)
    : files_(files),
      run_directory_(std::move(run_directory)),
      policy_(std::move(policy)),
      holds_lease_(std::move(holds_lease)),
      thread_([this] { work(); }) {}

void Housekeeper::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  const auto last = std::chrono::steady_clock::now() + kAtTheEnd;
  if (work_to_do_) look_after([last] { return std::chrono::steady_clock::now() < last; });
}

void Housekeeper::committed() {
  {
    const std::lock_guard lock(mutex_);
    work_to_do_ = true;
  }
  wake_.notify_all();
}

void Housekeeper::validated(std::int64_t step, double loss) {
  const std::lock_guard lock(mutex_);
  policy_.valid_losses[step] = loss;
}

std::vector<std::string> Housekeeper::warnings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(warnings_, {});
}

void Housekeeper::warn(std::string text) {
  const std::lock_guard lock(mutex_);
  warnings_.push_back(std::move(text));
}

void Housekeeper::work() {
  take_low_priority();
  const auto keep_going = [this] {
    const std::lock_guard lock(mutex_);
    return !ending_ && !work_to_do_;
  };
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || work_to_do_; });
    if (ending_) return;
    work_to_do_ = false;
    lock.unlock();
    look_after(keep_going);
    lock.lock();
    if (ending_) work_to_do_ = true;  // the rest is for end()
  }
}

void Housekeeper::look_after(const std::function<bool()>& keep_going) {
  try {
    const auto steps = checkpoint::committed_steps(files_, run_directory_);
    const auto verified = checkpoint::verified_steps(files_, run_directory_);
    for (std::size_t back = 1; back <= 2 && back <= steps.size(); ++back) {
      const std::int64_t step = steps[steps.size() - back];
      if (keep_going() && std::ranges::count(verified, step) == 0) read_back(step, keep_going);
    }
    const checkpoint::PrunePolicy policy = [this] {
      const std::lock_guard lock(mutex_);
      return policy_;
    }();
    if (holds_lease_()) checkpoint::prune(files_, run_directory_, policy);
  } catch (const std::exception& error) {
    warn(base::str("old checkpoints could not be removed: ", error.what()));
  }
}

void Housekeeper::read_back(std::int64_t step, const std::function<bool()>& keep_going) {
  const auto path = checkpoint::step_directory(run_directory_, step);
  try {
    const checkpoint::VerifyResult result = checkpoint::verify(files_, path, checkpoint::ShardCheck::kBytes, 1,
                                                               [&keep_going](std::uint64_t) { return keep_going(); });
    if (result.stopped || !holds_lease_()) return;
    if (result.findings.empty()) {
      checkpoint::append_verified(files_, path, result.manifest);
      return;
    }
    warn(base::str(path.string(), " was read back and is damaged: ", result.findings[0].subject, ": ",
                   result.findings[0].problem, "; a resume would take an older checkpoint"));
    if (result.manifest.checksum.empty()) return;
    checkpoint::append_verified(files_, path, result.manifest, checkpoint::ReadBack::kDamaged);
  } catch (const std::exception& error) {
    warn(base::str(path.string(), " could not be read back: ", error.what()));
  }
}

}  // namespace trireme::launcher
