#include "models/optim/muon_plan.hpp"

#include <algorithm>

#include "models/optim/newton_schulz.hpp"

namespace trireme::optim {
namespace {

constexpr std::int64_t kBoundary = 16;  // elements: 64 bytes of fp32

double operations(const layout::FlatParameter& parameter) {
  return NewtonSchulz::operations(parameter.tensor.shape[0], parameter.tensor.shape[1]);
}

void assign_owners(std::vector<MuonMatrix>& matrices, const layout::FlatLayout& layout, int tp, int dp) {
  const auto cost = [&](const MuonMatrix& matrix) {
    return operations(layout.parameters[static_cast<std::size_t>(matrix.parameter)]);
  };
  std::stable_sort(matrices.begin(), matrices.end(),
                   [&](const MuonMatrix& a, const MuonMatrix& b) { return cost(a) > cost(b); });
  std::vector<double> work(static_cast<std::size_t>(tp * dp), 0.0);
  for (MuonMatrix& matrix : matrices) {
    const auto least = std::min_element(work.begin(), work.end());
    *least += cost(matrix);
    const auto rank = static_cast<int>(least - work.begin());
    matrix.dp_owner = rank % dp;
    matrix.tp_owner = rank / dp;
  }
}

}  // namespace

std::vector<int> matrices_of_layers(const layout::FlatLayout& layout) {
  std::vector<int> members;
  for (std::size_t index = 0; index < layout.parameters.size(); ++index) {
    if (spec::is_layer_matrix(layout.parameters[index].tensor)) members.push_back(static_cast<int>(index));
  }
  return members;
}

std::vector<layout::FlatRange> ranges_of(const layout::FlatLayout& layout, const std::vector<int>& members) {
  std::vector<layout::FlatRange> ranges;
  for (const int member : members) {
    ranges.push_back(layout::range_of(layout.parameters[static_cast<std::size_t>(member)]));
  }
  return layout::intersect(ranges, {{0, layout.elements}});
}

MuonPlan plan_muon(const layout::FlatLayout& layout, const std::vector<int>& members, int tp, int dp) {
  MuonPlan plan;
  for (const int member : members) plan.matrices.push_back({member});
  assign_owners(plan.matrices, layout, tp, dp);
  std::stable_sort(plan.matrices.begin(), plan.matrices.end(),
                   [](const MuonMatrix& a, const MuonMatrix& b) { return a.dp_owner < b.dp_owner; });
  auto next = plan.matrices.begin();
  for (int rank = 0; rank < dp; ++rank) {
    const std::int64_t begin = plan.elements;
    for (; next != plan.matrices.end() && next->dp_owner == rank; ++next) {
      next->slice = plan.elements;
      const std::int64_t size = layout.parameters[static_cast<std::size_t>(next->parameter)].box.elements();
      plan.elements += (size + kBoundary - 1) / kBoundary * kBoundary;
    }
    plan.of_dp_rank.push_back({begin, plan.elements});
  }
  return plan;
}

}  // namespace trireme::optim
