// Sums of gradients over tp: of parameters of which each tp rank computes only a part.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

/// The sums over tp of some blocks, packed into one reduction: partial gradients (spec::Partial), and the shares of
/// key/value heads that several ranks read.
class TensorSums {
 public:
  /// `blocks`: indices into the store's blocks. `tp` may be null (degree 1); it and the store must outlive this object.
  TensorSums(parallel::ParameterStore& store, const std::vector<int>& blocks, collectives::Communicator* tp,
             bool sequence_parallel);

  /// Sums this rank's gradients with those of the other tp ranks. All of them call it together, when the gradients of
  /// the blocks are complete on each. Does nothing when no parameter needs it.
  void run() const;

 private:
  struct Sum {
    int parameter;
    bool key_heads;       ///< true: packed as the whole logical tensor, zero where this rank holds nothing
    std::int64_t offset;  ///< position in the packed buffer
    std::int64_t elements;
  };

  void add(int parameter, bool sequence_parallel);

  parallel::ParameterStore& store_;
  collectives::Communicator* tp_;
  std::vector<Sum> sums_;
  std::int64_t elements_ = 0;
};

}  // namespace trireme::optim
