// A group of parameters that are trained alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trireme::layout {

struct ParameterGroup {
  std::string name;                    ///< "" = the default group
  std::vector<std::string> patterns;   ///< of tensors' names (name_pattern.hpp); the default group has none
  bool trainable = true;               ///< false: frozen, without gradients and without an optimizer's state
  std::string rule;                    ///< how it is updated: "adamw", "sgd", …; "" = as the default group
  double lr_scale = 1.0;               ///< factor on the learning rate
  std::optional<double> weight_decay;  ///< on its matrices; nothing: as the default group
};

}  // namespace trireme::layout
