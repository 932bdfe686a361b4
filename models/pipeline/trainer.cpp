#include "models/pipeline/trainer.hpp"

#include <ATen/ops/zeros.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/philox.hpp"
#include "models/attention/attention.hpp"
#include "models/layout/state_boxes.hpp"
#include "models/optim/sum_of_squares.hpp"
#include "models/parallel/bit_hash.hpp"
#include "models/parallel/host_read.hpp"
#include "models/pipeline/assembly.hpp"
#include "models/pipeline/runner.hpp"

namespace trireme::pipeline {
namespace {

using transformer::MicroBatch;

double seconds_since(std::chrono::steady_clock::time_point start) { return base::seconds_since(start); }

/// The groups of the map, with what their rules are set to.
std::vector<optim::OptimizerGroup> groups_of(const TrainerConfig& config, const layout::StateMap& map) {
  std::vector<optim::OptimizerGroup> groups;
  for (const layout::ParameterGroup& group : map.groups()) {
    groups.push_back({group, group.rule.empty() ? config.optimizer : config.rules.at(group.rule)});
  }
  return groups;
}

}  // namespace

class Trainer::Implementation {
 public:
  Implementation(const TrainerConfig& config, const Groups& groups)
      : config_(config),
        parts_(config, groups),
        reducer_(make_reducer(config, parts_)),
        optimizer_(store_, groups_of(config, parts_.layout.map), rank_.own, muon_ranks(parts_)),
        actions_(schedule::make_schedule(plan_of(config), parts_.at.pp)),
        squares_(counted_ranges(), config.device),
        inference_(parts_) {}

  void initialise() {
    for (const parallel::Parameter& parameter : store_.parameters()) {
      const at::Tensor values = parallel::initial_values(parameter, config_.seed);
      if (optimizer_.has_masters()) {
        fill_masters(parameter, values.view({-1}));
      } else {
        parameter.value.copy_(values);
      }
    }
    optimizer_.reset();
    after_load();
  }

  StepResult step(std::span<const MicroBatch> micro_batches, std::int64_t global_targets, double lr,
                  const Accept& accept) {
    StepResult result;
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor loss = run_passes(micro_batches, global_targets);
    result.compute_seconds = seconds_since(start);
    reducer_.finish();
    result.reduce_seconds = seconds_since(start) - result.compute_seconds;
    agree(loss, global_targets, result);
    result.updated = result.finite && (!accept || accept(result));
    if (result.updated) {
      optimizer_.update(lr, optim::clip_factor(result.grad_norm, config_.clip));
      reducer_.gather_values();
    }
    result.optimizer_seconds = seconds_since(start) - result.compute_seconds - result.reduce_seconds;
    return result;
  }

  std::vector<StateTensor> state() {
    std::vector<StateTensor> out;
    const std::vector<layout::HeldBox> parameters = layout::parameter_boxes(parts_.layout, rank_);
    const std::vector<layout::HeldBox> updated = layout::update_boxes(parts_.layout, rank_);
    if (!optimizer_.has_masters()) append_state(out, kParam, rank_, parameters, flat(store_.flat_values()));
    for (const optim::OptimizerPart& part : optimizer_.parts()) {
      if (part.masters.defined()) {
        append_state(out, kParam, rank_, within(part, parameters), packed(part, part.masters));
      }
      for (std::size_t slot = 0; slot < part.slots.size(); ++slot) {
        append_state(out, part.rule->slot_names()[slot], rank_, within(part, updated), packed(part, part.slots[slot]));
      }
    }
    return out;
  }

  std::vector<StateTensor> gradients() {
    std::vector<StateTensor> out;
    append_state(out, kGrad, rank_, layout::update_boxes(parts_.layout, rank_), flat(store_.flat_grads()));
    return out;
  }

  void after_load() {
    if (!optimizer_.has_masters()) return;
    optimizer_.publish_masters();
    reducer_.gather_values();
  }

  std::string attention() const {
    return attention::description(config_.model, config_.device, value_type(config_.precision));
  }

  std::uint64_t hash_of_parameters() {
    const std::uint64_t values = parallel::hash_of_bits(store_.flat_values());
    if (!optimizer_.has_masters() || parts_.layout.partitioned()) return values;
    std::uint64_t hash = values;
    for (const optim::OptimizerPart& part : optimizer_.parts()) {
      hash = base::mix(hash, parallel::hash_of_bits(part.masters));
    }
    return hash;
  }

  optim::Optimizer& optimizer() { return optimizer_; }

  Inference& inference() { return inference_; }

 private:
  /// Finds the memory of flat elements, either in a buffer of all of them or in one of those that this rank updates.
  using Piece = std::function<at::Tensor(std::int64_t begin, std::int64_t count)>;
  static Piece flat(const at::Tensor& buffer) {
    return [buffer](std::int64_t begin, std::int64_t count) { return buffer.narrow(0, begin, count); };
  }
  static Piece packed(const optim::OptimizerPart& part, const at::Tensor& buffer) {
    return [&part, buffer](std::int64_t begin, std::int64_t count) {
      return buffer.narrow(0, part.ranges.packed(begin), count);
    };
  }

  static std::vector<layout::HeldBox> within(const optim::OptimizerPart& part, std::vector<layout::HeldBox> boxes) {
    std::erase_if(boxes, [&](const layout::HeldBox& box) { return !part.ranges.holds(box.elements.begin); });
    return boxes;
  }

  /// The elements that this rank counts in the gradient norm.
  std::vector<layout::FlatRange> counted_ranges() const {
    // Without ZeRO all dp ranks hold the same sums, so only the first one counts.
    if (!parts_.layout.partitioned() && parts_.at.dp != 0) return {};
    return layout::intersect(layout::owned_ranges(rank_.flat, rank_.far_tied), rank_.own);
  }

  void fill_masters(const parallel::Parameter& parameter, const at::Tensor& values) {
    for (const optim::OptimizerPart& part : optimizer_.parts()) {
      for (const layout::FlatRange& mine : layout::intersect({layout::range_of(parameter)}, part.ranges.ranges())) {
        part.masters.narrow(0, part.ranges.packed(mine.begin), mine.size())
            .copy_(values.narrow(0, mine.begin - parameter.flat_offset, mine.size()));
      }
    }
  }

  at::Tensor run_passes(std::span<const MicroBatch> micro_batches, std::int64_t global_targets) {
    if (static_cast<std::int64_t>(micro_batches.size()) != config_.micro_batches) {
      throw base::Error(
          base::str("a step takes ", config_.micro_batches, " micro-batches, not ", micro_batches.size()));
    }
    std::vector<MicroBatch> batches(micro_batches.begin(), micro_batches.end());
    for (MicroBatch& batch : batches) batch.loss_scale = 1.0 / static_cast<double>(global_targets);
    store_.begin_step();
    reducer_.begin();
    return run_step(parts_.stage, actions_, wire_of(config_, batches.front(), store_.flat_values().options()), batches,
                    [this](std::int64_t layer, bool last) {
                      if (last) {
                        reducer_.done(layer);
                      } else {
                        reducer_.test();
                      }
                    });
  }

  /// One small sum over all ranks gives every rank the loss and the norm.
  void agree(const at::Tensor& loss, std::int64_t global_targets, StepResult& result) {
    const at::Tensor both = at::zeros({2}, store_.flat_grads().options().dtype(at::kDouble));
    if (loss.defined() && parts_.at.tp == 0) both.select(0, 0).copy_(loss);
    both.select(0, 1).copy_(squares_.of(store_.flat_grads()));
    const at::Tensor read = parallel::read_host(both);
    double sums[2] = {read.const_data_ptr<double>()[0], read.const_data_ptr<double>()[1]};
    sum_over_world(sums);
    result.loss = sums[0] / static_cast<double>(global_targets);
    result.grad_norm = std::sqrt(sums[1]);
    result.finite = std::isfinite(result.loss) && std::isfinite(result.grad_norm);
  }

  void sum_over_world(double (&sums)[2]) {
    if (parts_.groups.world != nullptr) parts_.groups.world->all_reduce(sums, 2, collectives::DataType::kFloat64);
  }

  TrainerConfig config_;
  RankParts parts_;
  const layout::RankState& rank_ = parts_.rank;
  parallel::ParameterStore& store_ = parts_.store;
  optim::GradientReducer reducer_;
  optim::Optimizer optimizer_;
  schedule::StageActions actions_;
  optim::SumOfSquares squares_;
  Inference inference_;
};

Trainer::Trainer(const TrainerConfig& config, const Groups& groups) {
  check(config);
  if (!config.model.head.present) {
    throw base::InputError(
        "a model without an output head (model.lm_head = false) has no loss: set model.lm_head = true to train it");
  }
  implementation_ = std::make_unique<Implementation>(config, groups);
}
Trainer::~Trainer() = default;

void Trainer::initialise() { implementation_->initialise(); }

StepResult Trainer::step(std::span<const MicroBatch> micro_batches, std::int64_t global_targets, double lr,
                         const Accept& accept) {
  return implementation_->step(micro_batches, global_targets, lr, accept);
}

Inference& Trainer::inference() { return implementation_->inference(); }

std::vector<StateTensor> Trainer::state() { return implementation_->state(); }
std::vector<StateTensor> Trainer::gradients() { return implementation_->gradients(); }
void Trainer::after_load() { implementation_->after_load(); }
std::uint64_t Trainer::hash_of_parameters() { return implementation_->hash_of_parameters(); }
std::string Trainer::attention() const { return implementation_->attention(); }
std::int64_t Trainer::steps() const { return implementation_->optimizer().steps(); }
const optim::Begun& Trainer::begun() const { return implementation_->optimizer().begun(); }
void Trainer::set_steps(std::int64_t steps, optim::Begun begun) {
  implementation_->optimizer().set_steps(steps, std::move(begun));
}

}  // namespace trireme::pipeline
