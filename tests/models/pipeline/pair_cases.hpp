// An all-pairs array over the options of a training and the properties of a model.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/models/pipeline/layout_case.hpp"

namespace trireme::tests {

struct PairCases {
  std::vector<LayoutCase> cases;
  std::size_t pairs = 0;             ///< of factor levels, that occur
  std::vector<std::string> refused;  ///< pairs that cannot occur, each with a refusal
};
PairCases pair_cases();

}  // namespace trireme::tests
