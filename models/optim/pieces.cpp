#include "models/optim/pieces.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace trireme::optim {

std::vector<layout::FlatRange> cut_for(at::Device device, const std::vector<layout::FlatRange>& ranges) {
  if (device.is_cpu()) return ranges;
  constexpr std::int64_t kMost = 16384;  // enough work for a block of threads, and few enough pieces for one sum
  std::vector<layout::FlatRange> pieces;
  for (const layout::FlatRange& range : ranges) {
    for (std::int64_t begin = range.begin; begin < range.end; begin += kMost) {
      pieces.push_back({begin, std::min(begin + kMost, range.end)});
    }
  }
  return pieces;
}

at::Tensor rows_on(at::Device device, const std::vector<std::int64_t>& numbers, std::int64_t columns) {
  const at::Tensor rows = at::empty({static_cast<std::int64_t>(numbers.size()) / columns, columns}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), rows.mutable_data_ptr<std::int64_t>());
  return rows.to(device);
}

}  // namespace trireme::optim
