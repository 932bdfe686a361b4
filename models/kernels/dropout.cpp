#include "models/kernels/dropout.hpp"

#include "models/kernels/cpu/dropout.hpp"
#include "models/kernels/host.hpp"

namespace trireme::kernels {

void dropout(at::Tensor& x, const DropoutKey& key, const std::vector<std::int64_t>& samples) {
  if (key.probability == 0.0) return;
  if (x.is_cuda()) {
    cuda_table().dropout(x, key, samples);
    return;
  }
  std::vector<std::uint64_t> keys;
  for (const std::int64_t sample : samples) keys.push_back(dropout_sample_key(key, sample));
  cpu::DropoutSlab slab;
  slab.batch = x.size(1);
  slab.width = x.size(2);
  slab.first_position = key.first_position;
  slab.keys = keys.data();
  slab.stream[0] = static_cast<std::uint32_t>(key.site);
  slab.stream[1] = static_cast<std::uint32_t>(key.layer);
  slab.threshold = dropout_threshold(key.probability);
  slab.scale = 1.0 / (1.0 - key.probability);
  void* data = x.mutable_data_ptr();
  divide(x.size(0) * slab.batch, slab.width,
         [&](std::int64_t first, std::int64_t count) { cpu::dropout(element_of(x), slab, first, count, data, data); });
}

}  // namespace trireme::kernels
