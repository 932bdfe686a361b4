#include "launcher/attempt/train_loop.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "launcher/options/objective.hpp"

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

/// Why `samples` may have no target, and what would give them some.
std::pair<std::string, std::string> no_target(const options::RunOptions& options, const std::string& samples) {
  if (options::predicts_masked(options))
    return {"no token of " + samples + " was chosen to be masked", "masking.fraction"};
  if (options.sft.loss == "last") {
    return {"no last response lies in " + samples + ", and sft.loss = last learns nothing else",
            "the --sequence of trireme prepare, which cuts longer conversations"};
  }
  return {"every target of " + samples + " is masked", "check the prompts"};
}

}  // namespace

TrainLoop::TrainLoop(Session& session, AttemptParts& parts, FastTier* fast, const Start& start, HealthHistory& history)
    : session_(session),
      parts_(parts),
      resolved_(session.resolved()),
      options_(resolved_.options),
      at_(start.position),
      saving_(session, parts, fast, start),
      plan_{options_.train.global_batch, options_.train.micro_batch, resolved_.degrees.dp},
      lr_schedule_(lr_schedule(resolved_)),
      stop_rule_(options::parse_stop_rule(options_.train.stop_when)),
      batches_(*parts.input.train, plan_, session.position().dp, at_.consumed_samples, at_.skipped),
      step_log_(*parts.keeper, resolved_.model.sequence, parts.log.silent() ? nullptr : stdout,
                options_.log.every_steps, parts.log),
      validations_(session, parts, step_log_),
      judge_(options_.train, tokens::order_id(parts.input.train->cursor(0)), *parts.keeper, history, parts.log),
      replicas_(session, *parts.keeper, history),
      stragglers_(session, *parts.keeper, parts.log),
      history_(history),
      peak_(session),
      last_boundary_(steady_clock::now()) {}

std::optional<slurm::Outcome> TrainLoop::run() {
  const auto outcome = train();
  if (outcome) {
    saving_.end(at_.step);
  } else {
    saving_.leave();
  }
  history_.stalled_seconds += saving_.measured().save.stalls;
  return outcome;
}

std::optional<slurm::Outcome> TrainLoop::train() {
  validations_.find();
  for (const Validation& one : validations_.all()) saving_.validated(one);
  if (at_.step < resolved_.steps && validations_.missed(at_.step)) validate();
  while (at_.step < resolved_.steps) {
    if (const auto end = end_as_asked()) return end;
    if (roll_back_) return std::nullopt;
    const Boundary boundary = agree_at_boundary();
    if (boundary.save_done) saving_.finish();
    if (boundary.stop != 0) {
      parts_.stops.agreed_on(boundary.stop);
      return save_and_stop(boundary.stop);
    }
    if (boundary.save_due) {
      if (!replicas_agree(at_.step)) return std::nullopt;
      saving_.start(at_);
      // The time that the last save needs may have gone into this one.
      if (const std::int64_t stop = parts_.stops.agree(); stop != 0) return save_and_stop(stop);
    }
    if (boundary.measure_due) peak_.measure_again();
    if (step() && at_.step < resolved_.steps) after_step();
    if (roll_back_) return std::nullopt;
  }
  save_for_end("the run is done");
  if (roll_back_) return std::nullopt;
  if (validations_.missed(at_.step)) {
    if (const std::int64_t stop = validate(); stop != 0) return stopped(stop, " during the last validation");
  }
  return slurm::Outcome{base::kExitDone, "done", at_.step, saving_.saved_step()};
}

void TrainLoop::after_step() {
  bool best = false;
  if (validations_.due(at_.step) && validate() == 0)
    best = options_.checkpoint.keep_best && validations_.newest_is_best();
  const SaveDue due = saving_.due_after_step(at_, best);
  const bool compare = due != SaveDue::kNothing || replicas_.due(at_.step);
  if (compare && !replicas_agree(at_.step)) return;
  saving_.after_step(at_, due);
}

bool TrainLoop::replicas_agree(std::int64_t step) {
  if (roll_back_) return false;
  roll_back_ = replicas_.compare(step, saving_.saved_step());
  return !roll_back_;
}

Measured TrainLoop::measured() const {
  Measured measured = saving_.measured();
  measured.longest_step = parts_.watched.time().longest_step();
  measured.save.stalls = history_.stalled_seconds;
  return measured;
}

slurm::Outcome TrainLoop::stopped(std::int64_t stop, const char* remark) const {
  return {base::kExitStopped, base::str(parts_.stops.reason(stop), remark), at_.step, saving_.saved_step(),
          parts_.stops.come_back()};
}

slurm::Outcome TrainLoop::save_and_stop(std::int64_t stop) {
  if (!replicas_.agree_at_stop(at_.step))
    return stopped(stop, ", and could not save: replicas of the parameters differ");
  return stopped(stop, saving_.save_now(at_) ? "" : ", and could not save");
}

void TrainLoop::save_for_end(const char* end) {
  if (!replicas_agree(at_.step) || saving_.save_now(at_)) return;
  throw base::Error(base::str(end, ", but its last checkpoint could not be saved (the reason stands above)"));
}

std::optional<slurm::Outcome> TrainLoop::end_as_asked() {
  if (stop_rule_.kind != options::StopRule::Kind::kNone && validations_.newest_step() == at_.step && at_.step > 0) {
    // Rank 0 knows the validations of earlier attempts.
    const std::string reason =
        collectives::share_text(session_.world().control(), reason_to_end(stop_rule_, validations_.all()));
    if (!reason.empty()) {
      save_for_end("the run is done early");
      if (roll_back_) return std::nullopt;
      return slurm::Outcome{base::kExitDone, reason, at_.step, saving_.saved_step()};
    }
  }
  if (options_.run.pause_at == 0 || at_.step < options_.run.pause_at) return std::nullopt;
  save_for_end("the run is to pause");
  if (roll_back_) return std::nullopt;
  // A stop left it unfinished. The run would lack it if the next attempt found it paused.
  if (validations_.missed(at_.step)) {
    if (const std::int64_t stop = validate(); stop != 0) return stopped(stop, " during a validation");
  }
  return pause_outcome(at_.step);
}

std::int64_t TrainLoop::validate() {
  const std::int64_t stop = validations_.validate(at_.step);
  if (stop == 0) saving_.validated(validations_.all().back());
  return stop;
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
    votes[3] = peak_.wants_measurement();
  }
  if (saving_.broke_off()) votes[2] = 1;  // else rank 0 would wait for this rank
  session_.world().control().all_reduce(votes, 4, collectives::DataType::kInt64, collectives::ReduceOp::kMax);
  return {votes[0], votes[1] != 0, votes[2] != 0, votes[3] != 0};
}

bool TrainLoop::step() {
  const auto start = steady_clock::now();
  OwnTimes own;
  own.on_device = session_.device().cuda();
  const double held = saving_.held_seconds();
  own.saving_before = held - held_before_;
  std::vector<transformer::MicroBatch> micro_batches;
  std::int64_t global_targets = 0;
  tokens::SampleRange samples;
  for (std::int64_t k = 0; k < plan_.micro_batches(); ++k) {
    const auto asked = steady_clock::now();
    const tokens::PlannedBatch planned = batches_.next();
    own.data_wait += base::seconds_since(asked);
    global_targets = static_cast<std::int64_t>(planned.global_targets);
    samples = planned.samples;
    micro_batches.push_back(session_.micro_batch(planned.batch, at_.step));
  }
  if (global_targets == 0) {
    skip_step(samples);
    return true;
  }
  const double lr = optim::learning_rate(lr_schedule_, at_.step);
  const double waited = session_.waited_seconds();
  const pipeline::StepResult result =
      session_.trainer().step(micro_batches, global_targets, lr, [&](const pipeline::StepResult& seen) {
        if (judge_.is_bad(at_, seen.loss)) return false;
        if (replicas_.before_update() && replicas_.due(at_.step + 1) && !replicas_agree(at_.step + 1)) return false;
        if (options_.train.dump_gradients == at_.step + 1) saving_.dump_gradients(at_);
        saving_.wait_for_snapshot();
        return true;
      });
  own.exposed_communication = session_.waited_seconds() - waited;
  if (roll_back_) return false;
  if (!result.updated) {
    leave_out(result, samples);
    return false;
  }
  judge_.updated(at_, result.loss);
  advance(samples);
  own.seconds = base::seconds_since(start);
  held_before_ = saving_.held_seconds();
  own.saving = held_before_ - held;
  own.device_memory = session_.device_memory();
  parts_.watched.time().step_took(own.seconds);
  log_step(result, lr, own);
  stragglers_.step(at_.step, own.compute());
  return true;
}

void TrainLoop::leave_out(const pipeline::StepResult& result, const tokens::SampleRange& samples) {
  const BadBatch batch{at_.step + 1, samples, result.loss, result.grad_norm, result.finite};
  if (!judge_.skips(batch)) saving_.finish();  // else the checkpoint under way would not count as the newest
  roll_back_ = judge_.bad(at_, batch, saving_.saved_step());
}

void TrainLoop::skip_step(const tokens::SampleRange& samples) {
  ++at_.skipped_steps;
  constexpr std::int64_t kAlwaysSaid = 10;
  if (at_.skipped_steps <= kAlwaysSaid || at_.skipped_steps % options_.log.every_steps == 0) {
    const auto [cause, remedy] = no_target(options_, base::str("samples ", samples.first, " to ", samples.last));
    parts_.log.warn(base::str("step ", at_.step + 1, " has no token to predict: ", cause,
                              ". The weights stay as they are; ", at_.skipped_steps,
                              " such step(s) so far. Many of them: raise train.global_batch or ", remedy));
  }
  advance(samples);
  step_log_.skipped(at_);
}

void TrainLoop::advance(const tokens::SampleRange& samples) {
  parts_.progress->step = ++at_.step;
  at_.consumed_samples = samples.last + 1;
}

void TrainLoop::log_step(const pipeline::StepResult& result, double lr, const OwnTimes& own) {
  const StepTimes times = over_all_ranks(session_.world().control(), own);
  const std::int64_t tokens = plan_.global_batch * resolved_.model.sequence;
  StepReport report;
  report.step = at_.step;
  report.steps = resolved_.steps;
  report.loss = result.loss;
  report.grad_norm = result.grad_norm;
  report.lr = lr;
  report.seconds = own.seconds;
  report.tokens_per_second = static_cast<double>(tokens) / own.seconds;
  report.peak_share = peak_.share(tokens, own.seconds);
  step_log_.done(at_, report, times);
}

}  // namespace trireme::launcher
