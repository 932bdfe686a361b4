#include "tests/models/pipeline/layout_numbers.hpp"

#include <limits>

#include "base/checksum.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::tests {
namespace {

using collectives::DataType;
using collectives::ReduceOp;
using pipeline::kAdamM;
using pipeline::kAdamV;
using pipeline::kGrad;
using pipeline::kParam;
using pipeline::StateTensor;

std::uint64_t hash_of(const std::vector<double>& values) {
  return base::xxh3_64(values.data(), values.size() * sizeof(double));
}

/// Appends the model's tensors of `slot`: all largest values, then all smallest ones.
void append_whole(std::vector<double>& out, const std::vector<StateTensor>& parts, const std::string& slot,
                  const spec::ModelPlan& model, collectives::Communicator* world) {
  std::map<std::string, std::size_t> place;
  std::size_t total = 0;
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(model)) {
    place[tensor.name] = total;
    total += static_cast<std::size_t>(topology::elements_of(tensor.shape));
  }
  constexpr double kNone = std::numeric_limits<double>::infinity();
  std::vector<double> most(total, -kNone);
  std::vector<double> least(total, kNone);
  for (const StateTensor& part : parts) {
    if (part.slot != slot) continue;
    const std::vector<double> values = values_of(part.data);
    for (std::vector<double>* to : {&most, &least}) {
      topology::copy_box(part.box, part.box, values.data(), topology::whole(part.shape),
                         to->data() + place.at(part.name), sizeof(double));
    }
  }
  if (world != nullptr) {
    world->all_reduce(most.data(), total, DataType::kFloat64, ReduceOp::kMax);
    world->all_reduce(least.data(), total, DataType::kFloat64, ReduceOp::kMin);
  }
  out.insert(out.end(), most.begin(), most.end());
  out.insert(out.end(), least.begin(), least.end());
}

}  // namespace

Look look_at_numbers(const LayoutCase& one, collectives::Communicator* world, Numbers& numbers) {
  Look look;
  look.step = [&numbers](int step, const pipeline::StepResult& result) {
    numbers.losses[static_cast<std::size_t>(step)] = result.loss;
    numbers.norms[static_cast<std::size_t>(step)] = result.grad_norm;
  };
  look.gradients = [&one, world, &numbers](const std::vector<StateTensor>& gradients) {
    std::vector<double> whole;
    append_whole(whole, gradients, kGrad, one.config.model, world);
    numbers.gradients = hash_of(whole);
  };
  look.state = [&one, world, &numbers](const std::vector<StateTensor>& state) {
    std::vector<double> whole;
    for (const std::string slot : {kParam, kAdamM, kAdamV}) {
      append_whole(whole, state, slot, one.config.model, world);
    }
    numbers.state = hash_of(whole);
  };
  look.evaluation = [&numbers](double full, double shorter) { numbers.evaluated = {full, shorter}; };
  look.logits = [&numbers](const at::Tensor& logits) { numbers.logits = hash_of(values_of(logits)); };
  return look;
}

}  // namespace trireme::tests
