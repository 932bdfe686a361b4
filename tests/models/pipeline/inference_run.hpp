// Models to be used in a layout, with the weights of tests/models/transformer/model_fixture.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/pipeline/inference.hpp"
#include "tests/models/transformer/model_fixture.hpp"

namespace trireme::tests {

inline pipeline::ModelSetup setup_of(const spec::ModelConfig& model, const topology::Degrees& degrees,
                                     pipeline::Precision precision = pipeline::Precision::kFp64) {
  pipeline::ModelSetup setup;
  setup.model = spec::make_plan(model);
  setup.degrees = degrees;
  setup.precision = precision;
  return setup;
}

/// Gives each box its part of the whole tensor, rounded to the box's type.
inline void fill(const std::vector<pipeline::StateTensor>& state, const spec::ModelPlan& plan) {
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(plan)) {
    const at::Tensor whole = test::logical_value(tensor);
    for (const pipeline::StateTensor& box : state) {
      if (box.name == tensor.name && box.slot == pipeline::kParam) box.data.copy_(test::part(whole, box.box));
    }
  }
}

/// A model on all ranks of `world`, or on one rank by itself (`world` null).
struct Used {
  Used(const pipeline::ModelSetup& setup, collectives::Communicator* world)
      : groups(world == nullptr ? pipeline::OwnedGroups{}
                                : pipeline::make_groups(*world, topology::Mesh(setup.degrees), setup.chunks)),
        model(setup, world == nullptr ? pipeline::Groups{} : groups.with_world(*world)) {
    fill(model.state(), setup.model);
  }
  ~Used() { groups.finish(); }
  Used(const Used&) = delete;
  Used& operator=(const Used&) = delete;

  pipeline::OwnedGroups groups;
  pipeline::Inference model;
};

}  // namespace trireme::tests
