#include "launcher/attempt/step_log.hpp"

#include <cmath>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "launcher/console/attempt_text.hpp"

namespace trireme::launcher {

namespace {

void add(base::Json& line, const StepTimes& times) {
  line["data_wait_seconds"] = times.data_wait;
  line["compute_seconds"] = times.compute;
  if (times.exposed_communication) line["exposed_communication_seconds"] = *times.exposed_communication;
  line["saving_seconds"] = times.saving;
  line["host_memory_bytes"] = times.host_memory;
  if (times.device_memory) line["device_memory_bytes"] = *times.device_memory;
  line["slowest_rank"] = times.slowest_rank;
  line["slowest_rank_compute_seconds"] = times.slowest_compute;
}

}  // namespace

void StepLog::done(const Position& at, StepReport report, const StepTimes& times) {
  // The first step of an attempt warms everything up: it tells nothing of the others.
  const std::int64_t timed = ++timed_steps_;
  mean_seconds_ = timed <= 2 ? report.seconds : 0.9 * mean_seconds_ + 0.1 * report.seconds;
  const std::int64_t left = report.steps - report.step;
  report.seconds_left = mean_seconds_ * static_cast<double>(left);
  base::Json line = {{"step", at.step},
                     {"time", base::wall_time()},
                     {"tokens", tokens(at)},
                     {"samples", at.consumed_samples},
                     {"loss", report.loss},
                     {"grad_norm", report.grad_norm},
                     {"lr", report.lr},
                     {"seconds", report.seconds},
                     {"tokens_per_second", report.tokens_per_second}};
  if (report.peak_share) line["peak_share"] = *report.peak_share;
  add(line, times);
  keeper_.append_metrics(line);
  printer_.print(report);
  constexpr std::int64_t kToldAfter = 3;  // steps: the second and third tell what the others will take
  if (timed == kToldAfter && left > kToldAfter) log_.info("expected  " + expected_text(left, mean_seconds_));
}

void StepLog::skipped(const Position& at) {
  keeper_.append_metrics({{"step", at.step},
                          {"time", base::wall_time()},
                          {"tokens", tokens(at)},
                          {"samples", at.consumed_samples},
                          {"skipped_steps", at.skipped_steps}});
}

void StepLog::validated(std::int64_t step, double loss, std::int64_t targets) {
  keeper_.append_metrics(
      {{"step", step}, {"time", base::wall_time()}, {"valid_loss", loss}, {"valid_tokens", targets}});
  char line[128];
  std::snprintf(line, sizeof line, "step %lld  validation loss %.4f  perplexity %.2f  (%lld tokens)",
                static_cast<long long>(step), loss, std::exp(loss), static_cast<long long>(targets));
  log_.info(line);
}

void StepLog::sampled(std::int64_t step, const std::string& prompt, const std::string& text) {
  keeper_.append_metrics(
      {{"step", step}, {"time", base::wall_time()}, {"sample_prompt", prompt}, {"sample_text", text}});
}

}  // namespace trireme::launcher
