// Patterns of tensors' names.
#pragma once

#include <string_view>

namespace trireme::layout {

/// Whether the whole of `name` matches `pattern`, in which * stands for any characters, dots too, or for none; every
/// other character stands for itself. Example: "layers.*.q.weight" matches "layers.3.attention.q.weight".
bool matches(std::string_view pattern, std::string_view name);

}  // namespace trireme::layout
