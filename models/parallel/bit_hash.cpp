#include "models/parallel/bit_hash.hpp"

#include <ATen/ops/sum.h>

#include "base/checksum.hpp"

namespace trireme::parallel {
namespace {

at::ScalarType integers_of(std::size_t bytes) {
  if (bytes == 2) return at::kShort;
  return bytes == 4 ? at::kInt : at::kLong;
}

}  // namespace

std::uint64_t hash_of_bits(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return base::xxh3_64(tensor.const_data_ptr(), tensor.nbytes());
  const at::Tensor sum = at::sum(tensor.view(integers_of(tensor.element_size())), at::kLong);
  return static_cast<std::uint64_t>(sum.item<std::int64_t>());
}

}  // namespace trireme::parallel
