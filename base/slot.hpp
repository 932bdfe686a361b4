// Names of state slots. A slot is what is kept of a tensor: its values, its gradient, or something that its update rule
// remembers about it. Slots have these names in memory and in checkpoints (docs/checkpoint_format.md).
#pragma once

#include <string_view>

namespace trireme::base {

inline constexpr const char* kParam = "param";   ///< the values: the fp32 or fp64 masters
inline constexpr const char* kGrad = "grad";     ///< the gradient
inline constexpr const char* kAdamM = "adam_m";  ///< AdamW's first moment
inline constexpr const char* kAdamV = "adam_v";  ///< AdamW's second moment

/// 1 to 32 lower-case letters, digits and '_', the first one a letter: a name that no path or list can misread.
bool is_slot_name(std::string_view text);

}  // namespace trireme::base
