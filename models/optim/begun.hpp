// Since when the slots of a tensor count: they may have begun at zero long after the training did.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace trireme::optim {

/// The updates that were done before a tensor's slots began at zero: after a change of optimizer, or because the tensor
/// was frozen until then.
struct Begun {
  std::int64_t all = 0;                         ///< of every tensor that is not in `tensors`
  std::map<std::string, std::int64_t> tensors;  ///< by the tensor's name

  std::int64_t of(const std::string& tensor) const {
    const auto found = tensors.find(tensor);
    return found == tensors.end() ? all : found->second;
  }
};

}  // namespace trireme::optim
