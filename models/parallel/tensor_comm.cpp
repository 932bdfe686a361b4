#include "models/parallel/tensor_comm.hpp"

#include <ATen/ops/empty.h>

#include "models/parallel/data_type.hpp"

namespace trireme::parallel {

void all_reduce(collectives::Communicator& comm, at::Tensor& x, collectives::ReduceOp op) {
  comm.all_reduce(x.mutable_data_ptr(), static_cast<std::size_t>(x.numel()), data_type(x.scalar_type()), op);
}

at::Tensor all_gather(collectives::Communicator& comm, const at::Tensor& x) {
  const at::Tensor from = x.contiguous();
  auto shape = from.sizes().vec();
  shape[0] *= comm.size();
  at::Tensor all = at::empty(shape, from.options());
  comm.all_gather(from.const_data_ptr(), all.mutable_data_ptr(), static_cast<std::size_t>(from.numel()),
                  data_type(from.scalar_type()));
  return all;
}

at::Tensor reduce_scatter(collectives::Communicator& comm, const at::Tensor& x) {
  const at::Tensor from = x.contiguous();
  auto shape = from.sizes().vec();
  shape[0] /= comm.size();
  at::Tensor part = at::empty(shape, from.options());
  comm.reduce_scatter(from.const_data_ptr(), part.mutable_data_ptr(), static_cast<std::size_t>(part.numel()),
                      data_type(from.scalar_type()));
  return part;
}

at::Tensor TensorGroup::enter(const at::Tensor& x) const { return size() == 1 || !sequence ? x : all_gather(*comm, x); }

at::Tensor TensorGroup::leave(at::Tensor partial) const {
  if (size() == 1) return partial;
  if (sequence) return reduce_scatter(*comm, partial);
  partial = partial.contiguous();
  all_reduce(*comm, partial);
  return partial;
}

}  // namespace trireme::parallel
