// How the keys of dropout masks are made, the same on host and device.
#pragma once

#include "base/philox.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels {

/// One Philox key per sample; layer and site are the upper words of the counter.
inline std::uint64_t dropout_sample_key(const DropoutKey& key, std::int64_t sample) {
  return base::mix(base::mix(base::mix(key.seed, base::name_hash("dropout")), static_cast<std::uint64_t>(key.step)),
                   static_cast<std::uint64_t>(sample));
}

/// An element is kept when its 32-bit draw is at least this.
inline std::uint32_t dropout_threshold(double probability) {
  return static_cast<std::uint32_t>(probability * 4294967296.0);
}

}  // namespace trireme::kernels
