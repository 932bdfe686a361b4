#include "models/pipeline/state.hpp"

#include <array>

namespace trireme::pipeline {

const char* name_of(StateKind kind) {
  constexpr std::array<const char*, 4> names{"param", "adam_m", "adam_v", "grad"};
  return names[static_cast<std::size_t>(kind)];
}

void append_state(std::vector<StateTensor>& out, StateKind kind, const layout::RankState& rank,
                  const std::vector<layout::HeldBox>& boxes,
                  const std::function<at::Tensor(std::int64_t begin, std::int64_t count)>& piece) {
  for (const layout::HeldBox& held : boxes) {
    const spec::LogicalTensor& tensor = rank.flat.parameters[static_cast<std::size_t>(held.parameter)].tensor;
    out.push_back({kind, tensor.name, tensor.shape, held.box,
                   piece(held.elements.begin, held.elements.size()).view(held.box.size), held.stored});
  }
}

}  // namespace trireme::pipeline
