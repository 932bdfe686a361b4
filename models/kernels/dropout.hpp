// How a dropout mask follows from its key, the same on host and device.
#pragma once

#include <cstdint>
#include <vector>

#include "base/philox.hpp"
#include "models/kernels/cpu/dropout.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels {

/// One Philox key per sample; site and layer are the upper words of the counter.
inline std::vector<std::uint64_t> dropout_sample_keys(const DropoutKey& key, const std::vector<std::int64_t>& samples) {
  const std::uint64_t step =
      base::mix(base::mix(key.seed, base::name_hash("dropout")), static_cast<std::uint64_t>(key.step));
  std::vector<std::uint64_t> keys;
  for (const std::int64_t sample : samples) keys.push_back(base::mix(step, static_cast<std::uint64_t>(sample)));
  return keys;
}

/// The slab of `batch` sequences of rows of `width` elements. `keys` must outlive it.
inline cpu::DropoutSlab dropout_slab(const DropoutKey& key, std::int64_t batch, std::int64_t width,
                                     const std::uint64_t* keys) {
  cpu::DropoutSlab slab;
  slab.batch = batch;
  slab.width = width;
  slab.first_position = key.first_position;
  slab.keys = keys;
  slab.stream[0] = static_cast<std::uint32_t>(key.site);
  slab.stream[1] = static_cast<std::uint32_t>(key.layer);
  slab.threshold = static_cast<std::uint32_t>(key.probability * 4294967296.0);
  slab.scale = 1.0 / (1.0 - key.probability);
  return slab;
}

}  // namespace trireme::kernels
