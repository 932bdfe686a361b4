#include "launcher/attempt/step_judge.hpp"

#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace trireme::launcher {
namespace {

constexpr int kMost = HealthHistory::kMost;

SpikeRule rule_of(const options::TrainSection& options) {
  return {static_cast<std::size_t>(options.spike_window), options.spike_score};
}

std::string samples_text(const tokens::SampleRange& samples) {
  return samples.first == samples.last ? base::str("sample ", samples.first)
                                       : base::str("samples ", samples.first, " to ", samples.last);
}

}  // namespace

StepJudge::StepJudge(const options::TrainSection& options, std::string order, RunKeeper& keeper, HealthHistory& history,
                     const base::Log& log)
    : options_(options),
      rule_(rule_of(options)),
      order_(std::move(order)),
      keeper_(keeper),
      history_(history),
      log_(log) {}

bool StepJudge::is_bad(const Position& at, double loss) const {
  return options_.on_spike != "none" && is_spike(rule_, at.losses, loss);
}

void StepJudge::updated(Position& at, double loss) {
  history_.bad_in_a_row = 0;
  if (options_.on_spike != "none") take_loss(rule_, at.losses, loss);
}

slurm::HealthEvent StepJudge::event_of(const Position& at, const BadBatch& batch) const {
  slurm::HealthEvent event;
  event.time = base::wall_time();
  event.kind = batch.finite ? "spike" : "nonfinite";
  event.step = batch.step;
  event.first_sample = static_cast<std::int64_t>(batch.samples.first);
  event.last_sample = static_cast<std::int64_t>(batch.samples.last);
  event.order = order_;
  event.message = base::str("step ", batch.step, " has loss ", batch.loss);
  if (batch.finite) {
    event.message += base::str(", a robust z-score of ", robust_score(at.losses, batch.loss), " over the ",
                               at.losses.size(), " losses before");
  } else {
    event.message += base::str(" and gradient norm ", batch.grad_norm);
  }
  event.message += " (" + samples_text(batch.samples) + ")";
  return event;
}

void StepJudge::stop(slurm::HealthEvent event, const std::string& why, std::int64_t saved_step) {
  event.action = "stopped";
  event.message += why;
  keeper_.health(event);
  throw base::Error(base::str(event.message, ": nothing was updated or saved; ",
                              saved_step > 0 ? base::str("the newest checkpoint is of step ", saved_step)
                                             : std::string("no checkpoint was saved before")));
}

std::optional<slurm::HealthEvent> StepJudge::bad(Position& at, const BadBatch& batch, std::int64_t saved_step) {
  const std::string& policy = policy_of(batch);
  slurm::HealthEvent event = event_of(at, batch);
  if (policy == "stop") stop(event, "", saved_step);
  if (++history_.bad_in_a_row > kMost) {
    stop(event, base::str(", after ", kMost, " batches in a row that were left out: it is not the data"), saved_step);
  }
  if (policy == "rollback") {
    if (!history_.may_roll_back(saved_step)) {
      stop(event, base::str(", after ", kMost, " roll-backs to step ", saved_step, ": it is not the data"), saved_step);
    }
    event.action = slurm::kRolledBack;
    return event;
  }
  event.action = slurm::kSkipped;
  at.skipped.add(batch.samples);
  log_.warn(event.message + ": nothing was updated, and the batch is left out");
  keeper_.health(event);
  return std::nullopt;
}

}  // namespace trireme::launcher
