#include "launcher/sweep/pool.hpp"

#include <utility>

#include "base/error.hpp"

namespace trireme::launcher {

SweepPool::SweepPool(SweepDirectory& sweep, Actions actions, Patience patience)
    : sweep_(sweep), actions_(std::move(actions)), patience_(patience) {}

SweepPool::SweepPool(SweepDirectory& sweep, Actions actions) : SweepPool(sweep, std::move(actions), Patience{}) {}

bool SweepPool::run(std::size_t workers, const std::function<bool()>& stop_requested) {
  working_ = workers;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([this, i] { work(i); });
  {
    std::unique_lock lock(mutex_);
    while (working_ > 0) {
      wake_.wait_for(lock, std::chrono::milliseconds(200));
      if (stopping_) continue;
      lock.unlock();
      const bool wanted = stop_requested();
      if (wanted) stop();
      lock.lock();
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (error_) std::rethrow_exception(error_);
  return over_;
}

void SweepPool::stop() {
  if (stopping_.exchange(true)) return;
  actions_.stop_trials();
  wake_.notify_all();
}

void SweepPool::work(std::size_t worker) {
  try {
    work_until_the_end(worker);
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    stop();
  }
  {
    const std::lock_guard lock(mutex_);
    --working_;
  }
  wake_.notify_all();
}

void SweepPool::work_until_the_end(std::size_t worker) {
  const SweepWorker self = this_worker();
  std::optional<LastTrial> last;
  std::string warned;
  while (true) {
    const Advice advice = ask(self, last);
    if (!advice.why.empty() && advice.why != warned) {
      const std::lock_guard lock(mutex_);
      actions_.warn(advice.why);
    }
    warned = advice.why;
    if (last) tell(actions_.ended, last->trial);
    last.reset();
    if (advice.kind == Advice::Kind::kDone) over_ = true;
    if (advice.kind == Advice::Kind::kStop) stop();
    if (advice.kind == Advice::Kind::kRun) {
      // A trial that was claimed while the pool stops does not start, but goes back.
      if (!stopping_) tell(actions_.started, advice.trial);
      last = LastTrial{advice.trial, {stopping_ ? base::kExitStopped : run_trial(advice, worker)}};
    } else if (stopping_ || over_) {
      return;
    } else {
      pause(patience_.poll);
    }
  }
}

// A trial that cannot even be started has failed; the next one waits a while for the disk to have room again.
int SweepPool::run_trial(const Advice& advice, std::size_t worker) {
  try {
    return actions_.run_trial(advice, worker);
  } catch (const base::Error& error) {
    {
      const std::lock_guard lock(mutex_);
      actions_.warn(base::str("trial ", advice.trial, " cannot be started: ", error.what()));
    }
    pause(patience_.pause);
    return base::kExitFailed;
  }
}

Advice SweepPool::ask(const SweepWorker& self, const std::optional<LastTrial>& last) {
  for (int tries = 0;; ++tries) {
    try {
      return sweep_.advance(self, last, {.trial = !stopping_});
    } catch (const base::InputError&) {
      throw;
    } catch (const base::Error& error) {
      if (tries + 1 >= patience_.tries) throw;
      {
        const std::lock_guard lock(mutex_);
        actions_.warn(base::str(error.what(), "; trying again"));
      }
      std::this_thread::sleep_for(patience_.pause);
    }
  }
}

// Until another worker ended a trial, or the pool stops.
void SweepPool::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = ended_trials_;
  wake_.wait_for(lock, time, [&] { return stopping_ || ended_trials_ != before; });
}

void SweepPool::tell(const std::function<void(std::size_t)>& action, std::size_t trial) {
  {
    const std::lock_guard lock(mutex_);
    ++ended_trials_;
    try {
      action(trial);
    } catch (const base::Error& error) {
      actions_.warn(error.what());  // a sentence that cannot be said ends no sweep
    }
  }
  wake_.notify_all();
}

}  // namespace trireme::launcher
