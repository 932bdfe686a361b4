#include "models/pipeline/state.hpp"

namespace trireme::pipeline {

void append_state(std::vector<StateTensor>& out, const std::string& slot, const layout::RankState& rank,
                  const std::vector<layout::HeldBox>& boxes,
                  const std::function<at::Tensor(std::int64_t begin, std::int64_t count)>& piece) {
  for (const layout::HeldBox& held : boxes) {
    const spec::LogicalTensor& tensor = rank.flat.parameters[static_cast<std::size_t>(held.parameter)].tensor;
    out.push_back({slot, tensor.name, tensor.shape, held.box,
                   piece(held.elements.begin, held.elements.size()).view(held.box.size), held.stored});
  }
}

}  // namespace trireme::pipeline
