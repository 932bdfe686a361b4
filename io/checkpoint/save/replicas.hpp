// Finds the ranks that hold the same box. Pure. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint/save/declared_box.hpp"

namespace trireme::checkpoint {

struct Holder {
  int rank;
  std::uint32_t declared;  ///< index among the rank's declared boxes
};

/// One distinct box and the ranks that hold it, ascending.
struct Replicas {
  std::uint32_t tensor;
  const Box* box;
  std::uint64_t bytes;
  std::span<const Holder> holders;
};

/// Returns all distinct boxes that are not empty, ordered by (tensor, box). `tensors` receives the tensors, in
/// TensorOrder, and `holders` what the result's spans point into; `holders` and `declared` must outlive the result.
/// Throws base::Error naming the tensor when ranks disagree about its shape or type, or when a name or box cannot be
/// stored.
std::vector<Replicas> find_replicas(const std::vector<std::vector<DeclaredBox>>& declared,
                                    std::vector<PlannedTensor>& tensors, std::vector<Holder>& holders);

}  // namespace trireme::checkpoint
