// Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) on the logical matrices of a
// stage, whatever the layout.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/layout/packed_ranges.hpp"
#include "models/optim/muon_exchange.hpp"
#include "models/optim/newton_schulz.hpp"
#include "models/optim/rules/rule.hpp"

namespace trireme::optim {

/// Updates as torch.optim.Muon does, but in the type of the gradients, where PyTorch takes bf16. For each matrix, with
/// g' = gradient_scale * g:
///   m = momentum*m + (1-momentum)*g';  u = nesterov ? momentum*m + (1-momentum)*g' : m
///   p = p*(1 - lr*weight_decay) - lr * scale * orthogonalised(u)
/// where RuleOptions::muon_scale says how the scale follows from the matrix's shape. Each matrix is orthogonalised by
/// one of the ranks of the stage (over tp and dp), whole: q, k, v, gate and up apart, as (out, in). Slot:
/// muon_momentum, the average m. Beside it a rank keeps memory for its slices of all matrices, in the type of the
/// gradients.
class Muon final : public UpdateRule {
 public:
  /// Updates the parameters `matrices` of `layout`, which it keeps a reference to. `ranges`: where they and what this
  /// rank updates overlap, as they are packed.
  Muon(const RuleOptions& options, const layout::FlatLayout& layout, const std::vector<int>& matrices,
       const layout::PackedRanges& ranges, const MuonRanks& ranks, const at::TensorOptions& grads);

  const std::vector<std::string>& slot_names() const override;
  /// All ranks of the stage call it together. It does not read RuleBuffers::pieces.
  void update(const RuleStep& step, const RuleBuffers& buffers) override;

 private:
  /// Elements of one matrix that lie beside each other and that this rank updates.
  struct Piece {
    std::int64_t flat;
    std::int64_t packed;
    std::int64_t work;  ///< position in the work buffer
    std::int64_t count;
    bool decays;
    double scale;  ///< of the learning rate
  };

  void average_gradients(const RuleStep& step, const RuleBuffers& buffers);
  void apply(const RuleStep& step, const RuleBuffers& buffers);

  RuleOptions options_;
  std::vector<Piece> pieces_;
  at::Tensor work_;
  MuonExchange exchange_;
  NewtonSchulz newton_schulz_;
};

}  // namespace trireme::optim
