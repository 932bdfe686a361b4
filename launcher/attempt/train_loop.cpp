#include "launcher/attempt/train_loop.hpp"

#include <algorithm>
#include <cstdio>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "models/spec/cost.hpp"

namespace trireme::launcher {
namespace {

using std::chrono::steady_clock;

optim::LrSchedule lr_schedule(const options::Resolved& resolved) {
  const options::OptimizerSection& optimizer = resolved.options.optimizer;
  return {optim::lr_kind(optimizer.lr_schedule),
          optimizer.lr,
          *optimizer.min_lr,
          *optimizer.warmup_steps,
          optimizer.decay_steps,
          resolved.steps};
}

}  // namespace

TrainLoop::TrainLoop(Session& session, AttemptParts& parts, FastTier* fast, const Start& start)
    : session_(session),
      parts_(parts),
      resolved_(session.resolved()),
      options_(resolved_.options),
      at_(start.position),
      saving_(session, parts, fast, start),
      plan_{options_.train.global_batch, options_.train.micro_batch, resolved_.degrees.dp},
      lr_schedule_(lr_schedule(resolved_)),
      stop_rule_(options::parse_stop_rule(options_.train.stop_when)),
      batches_(*parts.input.train, plan_, session.position().dp, at_.consumed_samples),
      step_log_(*parts.keeper, resolved_.model.sequence, parts.log.silent() ? nullptr : stdout,
                options_.log.every_steps, parts.log),
      peak_(session.measure_peak()),
      last_boundary_(steady_clock::now()) {}

slurm::Outcome TrainLoop::run() {
  slurm::Outcome outcome = train();
  saving_.end(at_.step);
  return outcome;
}

slurm::Outcome TrainLoop::train() {
  find_validations();
  if (at_.step < resolved_.steps && validation_missed()) validate();
  while (at_.step < resolved_.steps) {
    if (const auto end = end_as_asked()) return *end;
    const Boundary boundary = agree_at_boundary();
    if (boundary.save_done) saving_.finish();
    if (boundary.stop != 0) {
      parts_.stops.agreed_on(boundary.stop);
      return stopped(boundary.stop, saving_.save_now(at_) ? "" : ", and could not save");
    }
    if (boundary.save_due) {
      saving_.start(at_);
      // The time that the last save needs may have gone into this one.
      if (const std::int64_t stop = parts_.stops.agree(); stop != 0) {
        return stopped(stop, saving_.save_now(at_) ? "" : ", and could not save");
      }
    }
    if (boundary.measure_due) measure_peak_again();
    step();
    if (at_.step == resolved_.steps) break;
    if (validation_due()) validate();
    saving_.after_step(at_);
  }
  save_for_end("the run is done");
  if (validation_missed()) {
    if (const std::int64_t stop = validate(); stop != 0) return stopped(stop, " during the last validation");
  }
  return {base::kExitDone, "done", at_.step, saving_.saved_step()};
}

Measured TrainLoop::measured() const {
  Measured measured = saving_.measured();
  measured.longest_step = parts_.watched.time().longest_step();
  return measured;
}

slurm::Outcome TrainLoop::stopped(std::int64_t stop, const char* remark) const {
  return {base::kExitStopped, base::str(parts_.stops.reason(stop), remark), at_.step, saving_.saved_step(),
          parts_.stops.come_back()};
}

void TrainLoop::save_for_end(const char* end) {
  if (saving_.save_now(at_)) return;
  throw base::Error(base::str(end, ", but its last checkpoint could not be saved (the reason stands above)"));
}

std::optional<slurm::Outcome> TrainLoop::end_as_asked() {
  if (stop_rule_.kind != options::StopRule::Kind::kNone && validated_step_ == at_.step && at_.step > 0) {
    // Rank 0 knows the validations of earlier attempts.
    const std::string reason =
        collectives::share_text(session_.world().control(), reason_to_end(stop_rule_, validations_));
    if (!reason.empty()) {
      save_for_end("the run is done early");
      return slurm::Outcome{base::kExitDone, reason, at_.step, saving_.saved_step()};
    }
  }
  if (options_.run.pause_at == 0 || at_.step < options_.run.pause_at) return std::nullopt;
  save_for_end("the run is to pause");
  // A stop left it unfinished. The run would lack it if the next attempt found it paused.
  if (validation_missed()) {
    if (const std::int64_t stop = validate(); stop != 0) return stopped(stop, " during a validation");
  }
  return pause_outcome(at_.step);
}

void TrainLoop::find_validations() {
  validations_ = parts_.keeper->validations();
  validated_step_ = validations_.empty() ? 0 : validations_.back().step;
  session_.world().control().broadcast(&validated_step_, 1, collectives::DataType::kInt64, 0);
}

bool TrainLoop::validation_due() const {
  const std::int64_t every = options_.log.valid_every_steps;
  if (parts_.input.valid == nullptr || at_.step == 0) return false;
  return at_.step == resolved_.steps || (every > 0 && at_.step % every == 0);
}

void TrainLoop::set_watchdog() {
  // Long enough for what was seen so far to take many times longer, and for the first saves and validations.
  constexpr double kLeast = 600.0;
  constexpr double kTimes = 20.0;
  const auto now = steady_clock::now();
  longest_between_ = std::max(longest_between_, std::chrono::duration<double>(now - last_boundary_).count());
  last_boundary_ = now;
  const double asked = options_.train.step_timeout;
  parts_.watchdog.phase(collectives::Watchdog::Phase::kStep,
                        asked > 0 ? asked : std::max(kLeast, kTimes * longest_between_));
  parts_.watchdog.beat(at_.step);
}

TrainLoop::Boundary TrainLoop::agree_at_boundary() {
  set_watchdog();
  parts_.keeper->keep_lease();
  std::int64_t votes[4] = {parts_.stops.vote(), 0, 0, 0};  // looks at the request files, which saving asks about
  if (session_.world().rank() == 0) {
    votes[1] = saving_.is_due(at_);
    votes[2] = saving_.is_done();
    votes[3] = peak_exceeded_;
  }
  if (saving_.broke_off()) votes[2] = 1;  // else rank 0 would wait for this rank
  session_.world().control().all_reduce(votes, 4, collectives::DataType::kInt64, collectives::ReduceOp::kMax);
  return {votes[0], votes[1] != 0, votes[2] != 0, votes[3] != 0};
}

void TrainLoop::measure_peak_again() {
  peak_ = std::max(peak_, session_.measure_peak());
  ++measurements_;
  peak_exceeded_ = false;
}

void TrainLoop::step() {
  const auto start = steady_clock::now();
  std::vector<transformer::MicroBatch> micro_batches;
  std::int64_t global_targets = 0;
  for (std::int64_t k = 0; k < plan_.micro_batches(); ++k) {
    const tokens::PlannedBatch planned = batches_.next();
    global_targets = static_cast<std::int64_t>(planned.global_targets);
    micro_batches.push_back(session_.micro_batch(planned.batch, at_.step));
  }
  if (global_targets == 0) return skip_step();
  const double lr = optim::learning_rate(lr_schedule_, at_.step);
  const bool dump = options_.train.dump_gradients == at_.step + 1;
  const pipeline::StepResult result = session_.trainer().step(micro_batches, global_targets, lr, [&] {
    if (dump) saving_.dump_gradients(at_);
    saving_.wait_for_snapshot();
  });
  if (!result.finite) {
    saving_.finish();
    throw base::Error(base::str("step ", at_.step + 1, " has loss ", result.loss, " and gradient norm ",
                                result.grad_norm, " (samples ", sample_list(), "): nothing was updated or saved; ",
                                saving_.saved_step() > 0
                                    ? base::str("the newest checkpoint is of step ", saving_.saved_step())
                                    : std::string("no checkpoint was saved before")));
  }
  advance();
  const double seconds = base::seconds_since(start);
  parts_.watched.time().step_took(seconds);
  log_step(result, lr, seconds);
}

void TrainLoop::skip_step() {
  ++at_.skipped_steps;
  constexpr std::int64_t kAlwaysSaid = 10;
  if (at_.skipped_steps <= kAlwaysSaid || at_.skipped_steps % options_.log.every_steps == 0) {
    parts_.log.warn(base::str("step ", at_.step + 1, " has no token to predict: every target of samples ",
                              sample_list(), " is masked. The weights stay as they are; ", at_.skipped_steps,
                              " such step(s) so far. Many of them: raise train.global_batch or check the prompts"));
  }
  advance();
  step_log_.skipped(at_);
}

void TrainLoop::advance() {
  parts_.progress->step = ++at_.step;
  at_.consumed_samples += static_cast<std::uint64_t>(plan_.global_batch);
}

std::string TrainLoop::sample_list() const {
  return base::str(at_.consumed_samples, " to ", at_.consumed_samples + plan_.global_batch - 1);
}

std::optional<double> TrainLoop::peak_share(double seconds) {
  constexpr int kMeasurements = 5;
  const double tokens = static_cast<double>(plan_.global_batch * resolved_.model.sequence);
  const double flops = tokens * spec::train_flops(resolved_.model, spec::AttentionCount::kCausal);
  const double share = flops / seconds / peak_;
  peak_exceeded_ = share > 0.95 && measurements_ < kMeasurements;
  return share <= 1 ? std::optional(share) : std::nullopt;
}

void TrainLoop::log_step(const pipeline::StepResult& result, double lr, double seconds) {
  StepReport report;
  report.step = at_.step;
  report.steps = resolved_.steps;
  report.loss = result.loss;
  report.grad_norm = result.grad_norm;
  report.lr = lr;
  report.seconds = seconds;
  report.tokens_per_second = static_cast<double>(plan_.global_batch * resolved_.model.sequence) / seconds;
  report.peak_share = peak_share(seconds);
  step_log_.done(at_, report);
}

std::int64_t TrainLoop::validate() {
  const tokens::DataSource& valid = *parts_.input.valid;
  const std::uint64_t count = tokens::validation_count(valid.samples(), options_.log.valid_samples);
  std::int64_t stop = 0;
  const auto done = session_.validate(valid, count, [&] { return (stop = parts_.stops.agree()) == 0; });
  if (!done) return stop;
  validated_step_ = at_.step;
  validations_.push_back({at_.step, done->loss});
  step_log_.validated(at_.step, done->loss, done->targets);
  return 0;
}

}  // namespace trireme::launcher
