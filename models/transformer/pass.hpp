// One pass through a chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/parallel/tensor_comm.hpp"
#include "models/transformer/documents.hpp"

namespace trireme::transformer {

/// How tp ranks share the pass, and what keys its dropout (no dropout unless `training`).
struct Pass {
  parallel::TensorGroup group;
  std::vector<std::int64_t> samples;
  std::int64_t step = 0;
  bool training = true;
  bool rows_apart = false;  ///< linear layers compute each row alike whatever the others are (parallel::linear_product)
  std::optional<Documents> documents;  ///< none: each sequence is one document, whose positions are the rows'
};

}  // namespace trireme::transformer
