#include "launcher/options/resolve.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "base/error.hpp"
#include "launcher/options/groups.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/notes.hpp"
#include "launcher/options/objective.hpp"
#include "launcher/options/optimizer.hpp"
#include "launcher/options/stop_rule.hpp"
#include "models/schedule/assignment.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

// "1, 2, 4 or 8": the numbers from 1 to `most` that work, at most eight of them.
std::string working_values(std::int64_t most, const std::function<bool(std::int64_t)>& works) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = 1; value <= most && values.size() < 8; ++value) {
    if (works(value)) values.push_back(value);
  }
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += str(i == 0 ? "" : i + 1 == values.size() ? " or " : ", ", values[i]);
  }
  return text;
}

std::string layout_of(const ParallelSection& parallel) {
  topology::Degrees degrees;
  degrees.tp = static_cast<int>(parallel.tp);
  degrees.pp = static_cast<int>(parallel.pp);
  degrees.dp = static_cast<int>(std::max<std::int64_t>(parallel.dp, 1));
  return topology::to_string(degrees);
}

void resolve_ranks(ParallelSection& parallel, std::int64_t world) {
  const std::int64_t replica = parallel.tp * parallel.pp;
  if (parallel.dp == 0) {
    if (world % replica != 0) {
      const std::int64_t below = world / replica * replica;
      throw InputError(str(world, world == 1 ? " rank does" : " ranks do", " not fill the layout ", layout_of(parallel),
                           ", which takes multiples of ", replica, ": start ",
                           below > 0 ? str(below, " or ") : std::string(), below + replica,
                           " ranks, or choose parallel.tp * parallel.pp = ",
                           working_values(world, [&](std::int64_t value) { return world % value == 0; })));
    }
    parallel.dp = world / replica;
  }
  if (replica * parallel.dp != world) {
    throw InputError(str("the layout ", layout_of(parallel), " takes ", replica * parallel.dp, " ranks, but ", world,
                         world == 1 ? " was" : " were", " started: start ", replica * parallel.dp, " ranks",
                         world % replica == 0 ? str(", or set parallel.dp = ", world / replica, " (or 0)")
                                              : std::string(", or change parallel.tp, pp or dp")));
  }
}

void check_tensor_parallel(ParallelSection& parallel, const spec::ModelPlan& model) {
  const std::int64_t heads = model.layers.front().attention.heads;
  if (heads % parallel.tp != 0) {
    throw InputError(
        str("parallel.tp = ", parallel.tp, " does not divide model.heads = ", heads,
            ": take parallel.tp = ", working_values(heads, [&](std::int64_t tp) { return heads % tp == 0; })));
  }
  if (!parallel.sequence_parallel) parallel.sequence_parallel = parallel.tp > 1;
  if (*parallel.sequence_parallel && model.sequence % parallel.tp != 0) {
    const auto works = [&](std::int64_t tp) { return heads % tp == 0 && model.sequence % tp == 0; };
    throw InputError(str("parallel.tp = ", parallel.tp, " does not divide model.sequence = ", model.sequence,
                         ", which sequence parallel needs: take parallel.tp = ", working_values(heads, works),
                         ", another model.sequence, or parallel.sequence_parallel = false"));
  }
}

void check_batch(const TrainSection& train, const ParallelSection& parallel) {
  const std::int64_t at_once = parallel.dp * train.micro_batch;
  if (train.global_batch % at_once == 0) return;
  const std::int64_t above = (train.global_batch / at_once + 1) * at_once;
  const auto micro_batch_works = [&](std::int64_t value) { return train.global_batch % (parallel.dp * value) == 0; };
  const std::string micro_batches = working_values(train.global_batch, micro_batch_works);
  const std::string global_batches = above == at_once ? str(above) : str(above - at_once, " or ", above);
  throw InputError(str("train.global_batch = ", train.global_batch,
                       " is not divisible by parallel.dp * train.micro_batch = ", parallel.dp, " * ", train.micro_batch,
                       ": take train.global_batch = ", global_batches,
                       micro_batches.empty() ? "" : ", or train.micro_batch = " + micro_batches));
}

schedule::Plan make_plan(const RunOptions& options) {
  const ParallelSection& parallel = options.parallel;
  schedule::Plan plan;
  for (const auto kind : {schedule::ScheduleKind::kGpipe, schedule::ScheduleKind::kOneForwardOneBackward,
                          schedule::ScheduleKind::kInterleaved}) {
    if (parallel.schedule == schedule::name_of(kind)) plan.kind = kind;
  }
  plan.stages = static_cast<int>(parallel.pp);
  plan.chunks = static_cast<int>(parallel.chunks);
  const std::int64_t at_once = parallel.dp * options.train.micro_batch;
  plan.micro_batches = static_cast<int>(options.train.global_batch / at_once);
  if (plan.kind == schedule::ScheduleKind::kInterleaved && plan.micro_batches % plan.stages != 0) {
    const std::int64_t round = at_once * parallel.pp;
    const std::int64_t above = (options.train.global_batch / round + 1) * round;
    throw InputError(
        str("parallel.schedule = interleaved needs micro-batches in multiples of parallel.pp = ", parallel.pp,
            ", but train.global_batch / (dp * micro_batch) = ", plan.micro_batches,
            ": take train.global_batch = ", above == round ? str(above) : str(above - round, " or ", above),
            ", or parallel.schedule = 1f1b with parallel.chunks = 1"));
  }
  schedule::check(plan);
  return plan;
}

// Rounds as a person would write it: 3e-4 / 10 is 3e-05, not 2.9999999999999997e-05.
double tenth_of(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.15g", value / 10);
  return std::strtod(text.data(), nullptr);
}

std::int64_t steps_of(const TrainSection& train, std::int64_t sequence) {
  if (train.steps > 0) return train.steps;
  const std::int64_t per_step = train.global_batch * sequence;
  return (train.tokens + per_step - 1) / per_step;
}

// A rule that no validation could ever meet would be ignored in silence.
void resolve_stop_rule(RunOptions& options) {
  const StopRule rule = parse_stop_rule(options.train.stop_when);
  options.train.stop_when = to_string(rule);
  if (rule.kind == StopRule::Kind::kNone) return;
  const auto refuse = [&](const char* why) {
    throw InputError(str("train.stop_when = ", options.train.stop_when, " looks at validations, and ", why));
  };
  if (options.data.valid.empty()) refuse("there are none: name data.valid, or leave train.stop_when out");
  if (options.log.valid_every_steps == 0) refuse("log.valid_every_steps = 0 has none before the end: set it above 0");
}

// What happens at validations needs some, and a model that can do it: else the run would end at the first one.
void check_validations(const RunOptions& options) {
  const bool has_prompts = !names_of(options.log.sample_prompts).empty();
  if (has_prompts && options.model.mask == spec::Mask::kFull) {
    throw InputError(
        "log.sample_prompts asks for text, and with model.mask = full a token sees those behind it: take model.mask = "
        "causal, or leave log.sample_prompts out");
  }
  if (!options.data.valid.empty()) return;
  const auto refuse = [](const char* key) {
    throw InputError(str(key, " is about validations, and there are none: name data.valid, or leave ", key, " out"));
  };
  if (options.checkpoint.keep_best) refuse("checkpoint.keep_best");
  if (has_prompts) refuse("log.sample_prompts");
}

std::int64_t resolve_length(RunOptions& options, const spec::ModelPlan& model) {
  TrainSection& train = options.train;
  if ((train.steps > 0) == (train.tokens > 0)) {
    throw InputError(train.steps > 0 ? "train.steps and train.tokens are both given: give one of them"
                                     : "train.steps is missing: give the optimizer steps of the training, or "
                                       "train.tokens");
  }
  const std::int64_t steps = steps_of(train, model.sequence);
  OptimizerSection& optimizer = options.optimizer;
  resolve_optimizer(optimizer);
  if (!optimizer.min_lr) optimizer.min_lr = tenth_of(optimizer.lr);
  if (*optimizer.min_lr > optimizer.lr) {
    throw InputError(str("optimizer.min_lr = ", *optimizer.min_lr, " is above optimizer.lr = ", optimizer.lr));
  }
  if (!optimizer.warmup_steps) optimizer.warmup_steps = std::min<std::int64_t>(2000, steps / 50);
  return steps;
}

}  // namespace

std::int64_t length_in_steps(const RunOptions& options, const ModelSection* initial_model) {
  ModelSection model = options.model;
  complete_model(model, {.initial_model = initial_model});
  return steps_of(options.train, *model.sequence);
}

Resolved resolve(const RunOptions& options, const Surroundings& surroundings) {
  Resolved resolved;
  resolved.options = options;
  RunOptions& complete = resolved.options;
  if (options.program.given()) {
    throw InputError(
        "this run is a program of its own ([program] command): trireme train starts it, without mpirun; "
        "eval and generate work on Trireme's own models");
  }
  if (complete.data.train.empty()) {
    throw InputError("data.train is missing: name a token dataset (trireme prepare makes one)");
  }
  if (const std::string& fast = complete.checkpoint.fast_dir; !fast.empty() && !fast.starts_with('/')) {
    throw InputError(str("checkpoint.fast_dir = ", fast, " is no absolute path: every node looks for it on its own"));
  }
  complete_model(complete.model, surroundings);
  resolved.model = spec::make_plan(config_of(complete.model));
  (void)state_map(complete, resolved.model);  // called only because it refuses groups that do not fit the model
  resolve_masking(complete);
  if (complete.train.precision.empty()) complete.train.precision = surroundings.cuda ? "bf16" : "fp32";
  check_tensor_parallel(complete.parallel, resolved.model);
  // Called only because it refuses more chunks than layers; the assignment itself does not matter here.
  schedule::assign_layers(resolved.model.layer_count(), static_cast<int>(complete.parallel.pp),
                          static_cast<int>(complete.parallel.chunks), {});
  resolve_ranks(complete.parallel, surroundings.world_size);
  check_batch(complete.train, complete.parallel);
  resolved.plan = make_plan(complete);
  resolved.steps = resolve_length(complete, resolved.model);
  resolve_stop_rule(complete);
  check_validations(complete);
  resolved.degrees.tp = static_cast<int>(complete.parallel.tp);
  resolved.degrees.pp = static_cast<int>(complete.parallel.pp);
  resolved.degrees.dp = static_cast<int>(complete.parallel.dp);
  resolved.notes = notes_on(resolved, surroundings.dataset_vocab);
  return resolved;
}

}  // namespace trireme::options
