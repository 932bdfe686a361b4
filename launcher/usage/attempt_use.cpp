#include "launcher/usage/attempt_use.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "launcher/run_directory/run_summary.hpp"

namespace trireme::launcher {
namespace {

using slurm::Attempt;

constexpr double kClockError = 3600;  // clocks of machines that share a file system may differ by this much
constexpr int kMostRanks = 1'000'000;

bool is_between(double value, double low, double high) { return std::isfinite(value) && value >= low && value <= high; }

/// Nothing when no attempt can have these numbers.
std::optional<AttemptUse> use_of_attempt(const RunFacts& run, const Attempt& attempt, double now) {
  const slurm::AttemptStart& start = attempt.start;
  const double latest = now + kClockError;
  if (start.ranks < 1 || start.ranks > kMostRanks || !is_between(start.start_up_seconds, 0, latest))
    return std::nullopt;
  if (!is_between(start.time - start.start_up_seconds, 1, latest)) return std::nullopt;
  const DeviceSeconds seconds = device_seconds(run, attempt, now);
  AttemptUse use;
  use.span.begin = start.time - start.start_up_seconds;
  use.span.end = attempt.ended ? attempt.end.time : use.span.begin + seconds.used / start.ranks;
  // A clock that was set back a little during the attempt is no reason to leave it out.
  if (!is_between(use.span.end, use.span.begin - kClockError, latest)) return std::nullopt;
  use.span.end = std::max(use.span.begin, use.span.end);
  const double most = start.ranks * (use.span.seconds() + kClockError);
  if (!is_between(seconds.used, 0, most) || !is_between(seconds.lost, 0, most)) return std::nullopt;
  const double stalled = std::max(attempt.end.stalled_seconds, attempt.end.save_stall_seconds);
  if (!is_between(stalled, 0, latest)) return std::nullopt;

  use.time.used = seconds.used;
  const double lost = std::min(seconds.lost, seconds.used);
  use.time.starting = std::min(lost, start.ranks * start.start_up_seconds);
  use.time.unsaved = lost - use.time.starting;
  use.time.saving = std::min(start.ranks * stalled, seconds.used - lost);
  use.gpus = start.gpus;
  use.job = start.job_id;
  use.cluster = start.cluster;
  return use;
}

/// When the job of `attempt` began to wait for the start that led to it; nothing when it did not wait or nobody knows.
std::optional<double> queued_since(const RunFacts& run, const Attempt& attempt, const Attempt* before) {
  const slurm::AttemptStart& start = attempt.start;
  if (start.job_id.empty()) return std::nullopt;
  const bool same_job = before != nullptr && slurm::is_of_job(before->start, start.job_id, start.cluster);
  const double free_since = before != nullptr && before->ended ? before->end.time : 0;
  if (same_job) {
    const bool requeued = start.restart_count > before->start.restart_count;
    return requeued && before->ended ? std::optional(free_since) : std::nullopt;
  }
  const auto& jobs = run.submission.jobs;
  if (run.submission.time <= 0 || std::ranges::find(jobs, start.job_id) == jobs.end()) return std::nullopt;
  // A later link of a chain could not start before the attempt of the link before had ended.
  return std::max(run.submission.time, free_since);
}

}  // namespace

DeviceTime& DeviceTime::operator+=(const DeviceTime& other) {
  used += other.used;
  unsaved += other.unsaved;
  starting += other.starting;
  saving += other.saving;
  return *this;
}

DeviceTime DeviceTime::operator*(double share) const {
  return {used * share, unsaved * share, starting * share, saving * share};
}

Span Span::within(const Span& window) const {
  const Span part{std::max(begin, window.begin), std::min(end, window.end)};
  return part.end > part.begin ? part : Span{};
}

RunUse use_of(const RunFacts& run, double now) {
  RunUse all;
  const Attempt* before = nullptr;
  double steps = 0, seconds = 0;
  for (const Attempt& attempt : run.attempts) {
    auto use = use_of_attempt(run, attempt, now);
    if (!use) {
      ++all.impossible;
      continue;
    }
    if (attempt.ended && attempt.end.last_step > attempt.start.first_step) {
      steps += static_cast<double>(attempt.end.last_step) - static_cast<double>(attempt.start.first_step);
      seconds += use->time.used - use->time.starting;
    }
    const auto since = queued_since(run, attempt, before);
    if (since && is_between(*since, 1, use->span.begin)) use->waited = Span{*since, use->span.begin};
    all.attempts.push_back(std::move(*use));
    before = &attempt;
  }
  if (steps > 0) all.seconds_per_step = seconds / steps;
  return all;
}

}  // namespace trireme::launcher
