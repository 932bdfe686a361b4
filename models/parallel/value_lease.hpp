// The right to read a block's values for a while.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace trireme::parallel {

/// Lends the values of a block (Block::values()). The tensor may be read as long as the lease lives, and on a device
/// also by operations that were put into the current stream while it lived. Nobody may keep the tensor, or a view of
/// it, longer: the values need not stay where they are between two leases.
class ValueLease {
 public:
  /// Lends nothing: its tensor is undefined.
  ValueLease() = default;
  explicit ValueLease(at::Tensor values) : values_(std::move(values)) {}
  ValueLease(const ValueLease&) = delete;
  ValueLease& operator=(const ValueLease&) = delete;
  ValueLease(ValueLease&&) = default;
  ValueLease& operator=(ValueLease&&) = default;
  ~ValueLease() = default;

  /// (sum of rows, columns) or (sum of rows), in the type of the arithmetic.
  const at::Tensor& tensor() const { return values_; }

 private:
  at::Tensor values_;
};

}  // namespace trireme::parallel
