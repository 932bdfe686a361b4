#include "models/kernels/dropout.hpp"

#include "models/kernels/host.hpp"

namespace trireme::kernels {

void dropout(at::Tensor& x, const DropoutKey& key, const std::vector<std::int64_t>& samples) {
  if (key.probability == 0.0) return;
  if (static_cast<std::int64_t>(samples.size()) != x.size(1)) {
    throw base::Error(
        base::str("dropout of ", x.size(1), " sequences has the numbers of ", samples.size(), " samples"));
  }
  if (x.is_cuda()) {
    cuda_table().dropout(x, key, samples);
    return;
  }
  const std::vector<std::uint64_t> keys = dropout_sample_keys(key, samples);
  const cpu::DropoutSlab slab = dropout_slab(key, x.size(1), x.size(2), keys.data());
  void* data = x.mutable_data_ptr();
  divide(x.size(0) * slab.batch, slab.width,
         [&](std::int64_t first, std::int64_t count) { cpu::dropout(element_of(x), slab, first, count, data, data); });
}

}  // namespace trireme::kernels
