// The values of a model's properties as a run file writes them.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "models/spec/words.hpp"

namespace trireme::tests {

template <typename Value>
std::string text_of(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return spec::word_of(value);
  } else if constexpr (std::is_same_v<Value, bool>) {
    return value ? "true" : "false";
  } else {
    return base::str(value);
  }
}

/// A list over the layers.
template <typename Value>
std::string text_of(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) text += (text.empty() ? "" : ", ") + text_of(value);
  return text;
}

}  // namespace trireme::tests
