// Brings each matrix together on the rank that orthogonalises it, and hands the result back.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "collectives/communicator.hpp"
#include "models/layout/flat_layout.hpp"
#include "models/optim/muon_plan.hpp"

namespace trireme::optim {

/// The ranks of one stage. Either group may be null (degree 1).
struct MuonRanks {
  collectives::Communicator* tp = nullptr;
  collectives::Communicator* dp = nullptr;
  /// What each dp rank updates, in flat elements. Empty: all of it on every dp rank (no ZeRO).
  std::vector<std::vector<layout::FlatRange>> own;
};

/// All ranks of a stage call the same methods in the same order.
class MuonExchange {
 public:
  /// `layout` and the groups must outlive it. Connects the ranks of both groups.
  MuonExchange(const layout::FlatLayout& layout, MuonPlan plan, const MuonRanks& ranks,
               const at::TensorOptions& options);

  /// `work` holds this rank's slices where it updates them; its length is MuonPlan::elements. Completes the matrices
  /// that this rank owns.
  void collect(const at::Tensor& work);
  /// The matrices that this rank owns, each whole. Without tp they are views of the work buffer that collect() got.
  std::vector<at::Tensor>& wholes() { return wholes_; }
  /// Takes wholes() as they are now, and fills `work` where this rank updates it.
  void distribute(const at::Tensor& work);

 private:
  const layout::FlatParameter& parameter(const MuonMatrix& matrix) const;
  bool mine(const MuonMatrix& matrix) const { return matrix.tp_owner == tp_rank_ && matrix.dp_owner == dp_rank_; }
  at::Tensor slice(const at::Tensor& work, const MuonMatrix& matrix) const;
  void exchange_over_dp(const at::Tensor& work, bool back);
  void collect_over_tp(const at::Tensor& work);
  void distribute_over_tp(const at::Tensor& work);
  void broadcast_over_dp(const at::Tensor& work);

  const layout::FlatLayout& layout_;
  MuonPlan plan_;
  MuonRanks ranks_;
  int tp_rank_ = 0;
  int dp_rank_ = 0;
  std::vector<at::Tensor> wholes_;
  at::Tensor wholes_memory_;  ///< with tp only
  at::Tensor staging_;        ///< with tp only: the parts of peers
};

}  // namespace trireme::optim
