#include "slurm/job/job_end_watch.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "slurm/job/time_limit.hpp"

namespace trireme::slurm {

std::optional<double> changed_end(const std::string& answer, double now, std::optional<double> known) {
  constexpr double kWholeSeconds = 2;
  if (answer.find("UNLIMITED") != std::string::npos) {
    return known ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
  }
  const auto left = parse_time_left(answer);
  if (!left || (known && std::abs(now + *left - *known) < kWholeSeconds)) return std::nullopt;
  return now + *left;
}

std::optional<TimeLeft> time_left_of(const JobList& queue, const std::string& job, double since) {
  const QueuedJob* own = queue.asked >= since ? find_job(queue.jobs, job) : nullptr;
  return own != nullptr && own->state == "RUNNING" ? std::optional(TimeLeft{own->left, queue.asked}) : std::nullopt;
}

JobEndWatch::JobEndWatch(std::optional<double> known, std::function<std::optional<TimeLeft>()> ask,
                         std::chrono::duration<double> period, std::function<void(double)> on_change)
    : ask_(std::move(ask)), on_change_(std::move(on_change)), end_(known) {
  thread_ = std::jthread([this, period](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      look();
      std::unique_lock lock(mutex_);
      stopping_.wait_for(lock, stop, period, [] { return false; });
    }
  });
}

std::optional<double> JobEndWatch::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

void JobEndWatch::look() {
  const auto answer = ask_();
  const auto changed = answer ? changed_end(answer->left, answer->asked, end()) : std::nullopt;
  if (!changed) return;
  {
    const std::lock_guard lock(mutex_);
    end_ = changed;
  }
  on_change_(*changed);
}

}  // namespace trireme::slurm
