#include "tests/models/pipeline/layout_run.hpp"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/philox.hpp"
#include "tests/models/pipeline/layout_batches.hpp"

namespace trireme::tests {
namespace {

using pipeline::kAdamM;
using pipeline::kAdamV;
using pipeline::kGrad;
using pipeline::kParam;
using pipeline::StateTensor;
using transformer::MicroBatch;

double mean_loss(const pipeline::Evaluation& evaluation) {
  return evaluation.loss_sum / static_cast<double>(evaluation.targets);
}

/// Rounds the weights as a bf16 run rounds its masters: first to fp32, then to bf16.
void round_weights(pipeline::Trainer& trainer) {
  for (const StateTensor& part : trainer.state()) {
    if (part.slot == kParam) part.data.copy_(part.data.to(at::kFloat).to(at::kBFloat16));
  }
  trainer.after_load();
}

/// After a prefill and two more tokens.
at::Tensor generated_logits(const LayoutCase& one, pipeline::Trainer& trainer) {
  const std::int64_t length = one.config.model.sequence;
  const at::Tensor prompt = batch_of(one, 0, 0, 2, length).tokens.cpu().contiguous();
  const auto token = [&](int row, int position) {
    return prompt.const_data_ptr<std::int64_t>() + row * length + position;
  };
  pipeline::Generation generation = trainer.inference().generation();
  std::vector<int> slots;
  for (int row = 0; row < 2; ++row) {
    slots.push_back(generation.open(length));
    generation.append(slots.back(), {token(row, 0), 5});
  }
  at::Tensor logits;
  for (int position = 5; position < 7; ++position) {
    const std::vector<std::int64_t> tokens{*token(0, position), *token(1, position)};
    logits = generation.advance(slots, tokens);
  }
  return logits;
}

void expect_no_generation(pipeline::Trainer& trainer) {
  try {
    trainer.inference().generation();
  } catch (const base::InputError&) {
    return;
  }
  throw base::Error("a model whose tokens see those behind them started to generate");
}

}  // namespace

void run(const LayoutCase& one, const pipeline::Groups& groups, const std::vector<Look>& looks) {
  pipeline::Trainer trainer(one.config, groups);
  trainer.initialise();
  if (one.rounded_start) round_weights(trainer);
  const int dp_rank = groups.dp == nullptr ? 0 : groups.dp->rank();
  const std::int64_t length = one.config.model.sequence;
  for (int step = 0; step < kSteps; ++step) {
    const auto accept = [&](const pipeline::StepResult&) {
      if (step > 0) return true;
      const std::vector<StateTensor> gradients = trainer.gradients();
      for (const Look& look : looks) look.gradients(gradients);
      return true;
    };
    const std::vector<MicroBatch> batches = batches_of(one, step, dp_rank, length);
    const pipeline::StepResult result = trainer.step(batches, targets_of(one, step), kLearningRate, accept);
    for (const Look& look : looks) look.step(step, result);
    if (one.first_step_only) return;
  }
  const std::vector<StateTensor> state = trainer.state();
  for (const Look& look : looks) look.state(state);
  const pipeline::Evaluation full = trainer.inference().evaluate(batches_of(one, kSteps, dp_rank, length));
  const pipeline::Evaluation shorter = trainer.inference().evaluate(batches_of(one, kSteps, dp_rank, length - 1));
  for (const Look& look : looks) look.evaluation(mean_loss(full), mean_loss(shorter));
  if (generates(one)) {
    const at::Tensor logits = generated_logits(one, trainer);
    for (const Look& look : looks) look.logits(logits);
  } else {
    expect_no_generation(trainer);
  }
}

bool generates(const LayoutCase& one) { return one.model.mask == spec::Mask::kCausal; }

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kCPU, at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

namespace {

double largest(const std::vector<double>& values) {
  double most = 0.0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

/// A difference that is not a number is as bad as can be.
void raise(double& worst, double difference) {
  worst = difference <= worst ? worst : std::isnan(difference) ? 1e300 : difference;
}

using Whole = std::map<std::string, std::vector<double>>;

/// Calls tolerance(tensor) once per box.
void compare(const std::vector<StateTensor>& parts, const std::string& slot, const Whole& expected,
             const std::function<double(const std::vector<double>&)>& tolerance, double& worst) {
  for (const StateTensor& part : parts) {
    if (part.slot != slot) continue;
    const std::vector<double>& whole = expected.at(part.name);
    std::vector<double> box(static_cast<std::size_t>(part.box.elements()));
    topology::copy_box(part.box, topology::whole(part.shape), whole.data(), part.box, box.data(), sizeof(double));
    const std::vector<double> here = values_of(part.data);
    const double allowed = tolerance(whole);
    for (std::size_t index = 0; index < here.size(); ++index)
      raise(worst, std::abs(here[index] - box[index]) / allowed);
  }
}

/// A number that different boxes of a tensor are unlikely to share, at least 1.
double mark_of(const topology::Box& box) {
  std::uint64_t key = 0;
  for (const topology::Shape* part : {&box.offset, &box.size}) {
    for (const std::int64_t value : *part) key = base::mix(key, static_cast<std::uint64_t>(value));
  }
  return 1.0 + static_cast<double>(key >> 12);
}

/// Logical elements of `slot` that no rank stores, or that two ranks store in different boxes.
double badly_stored(const std::vector<StateTensor>& parts, const std::string& slot, const Whole& expected,
                    collectives::Communicator* world) {
  double bad = 0.0;
  for (const auto& [name, whole] : expected) {
    std::vector<double> most(whole.size(), 0.0);
    std::vector<double> least(whole.size(), 1e300);
    for (const StateTensor& part : parts) {
      if (part.slot != slot || part.name != name || !part.stored) continue;
      const std::vector<double> marks(static_cast<std::size_t>(part.box.elements()), mark_of(part.box));
      for (std::vector<double>* to : {&most, &least}) {
        topology::copy_box(part.box, part.box, marks.data(), topology::whole(part.shape), to->data(), sizeof(double));
      }
    }
    if (world != nullptr) {
      world->all_reduce(most.data(), most.size(), collectives::DataType::kFloat64, collectives::ReduceOp::kMax);
      world->all_reduce(least.data(), least.size(), collectives::DataType::kFloat64, collectives::ReduceOp::kMin);
    }
    for (std::size_t index = 0; index < most.size(); ++index) bad += most[index] == least[index] ? 0.0 : 1.0;
  }
  return bad;
}

Whole wholes(const std::vector<StateTensor>& parts, const std::string& slot) {
  Whole all;
  for (const StateTensor& part : parts) {
    if (part.slot == slot) all[part.name] = values_of(part.data);
  }
  return all;
}

}  // namespace

Outcome run_alone(const LayoutCase& one) {
  Outcome outcome;
  Look look;
  look.step = [&](int step, const pipeline::StepResult& result) {
    outcome.losses[static_cast<std::size_t>(step)] = result.loss;
    outcome.norms[static_cast<std::size_t>(step)] = result.grad_norm;
  };
  look.gradients = [&](const auto& gradients) { outcome.gradients = wholes(gradients, kGrad); };
  look.state = [&](const auto& state) {
    outcome.parameters = wholes(state, kParam);
    for (const StateTensor& part : state) {
      if (part.slot != kParam) outcome.slots[part.slot][part.name] = values_of(part.data);
    }
  };
  look.evaluation = [&](double full, double shorter) {
    outcome.evaluated = full;
    outcome.evaluated_short = shorter;
  };
  look.logits = [&](const at::Tensor& logits) { outcome.logits = values_of(logits); };
  run(one_rank(one), {}, {look});
  return outcome;
}

Difference run_and_compare(const LayoutCase& one, const pipeline::Groups& groups, const Outcome& expected,
                           const Look& another) {
  Difference worst;
  Look look;
  const auto relative = [](double here, double there) { return std::abs(here - there) / (1e-12 * std::abs(there)); };
  look.step = [&](int step, const pipeline::StepResult& result) {
    raise(worst.loss, relative(result.loss, expected.losses[static_cast<std::size_t>(step)]));
    raise(worst.norm, relative(result.grad_norm, expected.norms[static_cast<std::size_t>(step)]));
  };
  look.gradients = [&](const auto& gradients) {
    const double floor = 1e-15 * expected.norms[0];
    compare(
        gradients, kGrad, expected.gradients, [floor](const auto& tensor) { return 1e-11 * largest(tensor) + floor; },
        worst.gradient);
    worst.badly_stored += badly_stored(gradients, kGrad, expected.gradients, groups.world);
  };
  look.state = [&](const auto& state) {
    compare(
        state, kParam, expected.parameters, [](const auto&) { return 1e-8 * kLearningRate * kSteps; }, worst.parameter);
    worst.badly_stored += badly_stored(state, kParam, expected.parameters, groups.world);
    for (const auto& [slot, tensors] : expected.slots) {
      worst.badly_stored += badly_stored(state, slot, tensors, groups.world);
      if (slot == kAdamM) continue;  // a mean of gradients whose true value may be zero
      const double floor = slot == kAdamV ? 1e-30 : 1e-14 * expected.norms[0];
      compare(
          state, slot, tensors, [floor](const auto& tensor) { return 1e-10 * largest(tensor) + floor; }, worst.moment);
    }
  };
  look.evaluation = [&](double full, double shorter) {
    raise(worst.evaluation, relative(full, expected.evaluated));
    raise(worst.evaluation, relative(shorter, expected.evaluated_short));
  };
  look.logits = [&](const at::Tensor& logits) {
    const std::vector<double> here = values_of(logits);
    const double allowed = 1e-6 * largest(expected.logits);  // they are rounded to fp32
    for (std::size_t index = 0; index < here.size(); ++index) {
      raise(worst.logits, std::abs(here[index] - expected.logits.at(index)) / allowed);
    }
  };
  run(one, groups, {look, another});
  return worst;
}

void share(Outcome& outcome, const LayoutCase& one, collectives::Communicator& world, int root) {
  const auto send = [&](double* data, std::size_t count) {
    world.broadcast(data, count, collectives::DataType::kFloat64, root);
  };
  send(outcome.losses.data(), outcome.losses.size());
  send(outcome.norms.data(), outcome.norms.size());
  send(&outcome.evaluated, 1);
  send(&outcome.evaluated_short, 1);
  outcome.logits.resize(generates(one) ? static_cast<std::size_t>(2 * one.config.model.vocab) : 0);
  send(outcome.logits.data(), outcome.logits.size());
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(one.config.model)) {
    std::vector<Whole*> wholes{&outcome.parameters};
    const std::vector<std::string> slots = slots_of(one, tensor);
    if (!slots.empty()) wholes.push_back(&outcome.gradients);
    for (const std::string& slot : slots) wholes.push_back(&outcome.slots[slot]);
    for (Whole* whole : wholes) {
      std::vector<double>& values = (*whole)[tensor.name];
      values.resize(static_cast<std::size_t>(topology::elements_of(tensor.shape)));
      send(values.data(), values.size());
    }
  }
}

}  // namespace trireme::tests
