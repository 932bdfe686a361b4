// The parameters that one rank holds: flat buffers of values and gradients, and named views into them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/layout/flat_layout.hpp"
#include "models/parallel/value_lease.hpp"

namespace trireme::parallel {

/// A logical tensor in the part that this rank holds.
struct Parameter : layout::FlatParameter {
  at::Tensor value;  ///< shape box.size, compute dtype, a view of the flat values
  /// Shape box.size, fp32 (fp64 in fp64 runs), a view of the flat gradients; undefined when it is frozen or the store
  /// has no gradients.
  at::Tensor grad;
};

/// Consecutive parameters that are one matrix (or vector) for the arithmetic: q, k and v or gate and up, stacked along
/// dim 0, or a single parameter. A block starts at a 64-byte boundary of the flat buffers; its members lie without
/// gaps.
struct Block {
  Block() = default;
  /// `values` and `grad` have the same shape; `grad` may be undefined.
  Block(std::string block_name, at::Tensor values, at::Tensor gradient)
      : name(std::move(block_name)), grad(std::move(gradient)), values_(std::move(values)) {}

  std::string name;  ///< "layers.3.attention.qkv.weight", or the single member's name
  at::Tensor grad;   ///< (sum of rows, columns) or (sum of rows); undefined when the block is frozen

  /// The values, like grad, to be read while the lease lives. Whoever computes with them takes a lease for each pass.
  ValueLease values() const { return ValueLease(values_); }

  /// Whether gradients are wanted. Nobody computes those of a frozen block.
  bool trainable() const { return grad.defined(); }
  /// True at the first call after ParameterStore::begin_step(): the gradient holds old data and must be overwritten
  /// (beta = 0). False at later calls: it must be added to (beta = 1).
  bool take_first();
  /// Call it after the last micro-batch: a gradient that nothing wrote to in this step becomes zero. A frozen block has
  /// none.
  void finish();

 private:
  friend class ParameterStore;
  at::Tensor values_;
  bool fresh_ = true;
};

/// How many elements fill 64 bytes in both flat buffers, which have the same offsets: the smaller type decides.
std::int64_t elements_of_64_bytes(at::ScalarType value_type, at::ScalarType grad_type);

/// The initial values of what this rank holds, fp64 on the CPU, shape box.size. The counter-based generator
/// (base/normal.hpp) makes them from (seed, logical name, global row-major index).
at::Tensor initial_values(const Parameter& parameter, std::uint64_t seed);

class ParameterStore {
 public:
  /// Allocates flat buffers on `device`: layout.elements values in `value_type`, and layout.grad_elements gradients in
  /// `grad_type`, or no gradients. Both start at zero and their padding stays zero.
  ParameterStore(layout::FlatLayout layout, at::ScalarType value_type, std::optional<at::ScalarType> grad_type,
                 at::Device device);

  /// Throws base::Error naming the block when it is not on this rank.
  Block& block(const std::string& name);
  bool has_block(const std::string& name) const;
  const layout::FlatLayout& layout() const { return layout_; }
  /// The parameters and blocks in the order of layout().parameters and layout().blocks.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  std::vector<Block>& blocks() { return blocks_; }

  at::Tensor& flat_values() { return flat_values_; }
  /// Undefined without gradients.
  at::Tensor& flat_grads() { return flat_grads_; }

  /// Call it before the first micro-batch of a step: all gradients become "to be overwritten".
  void begin_step();
  /// Call it after the last micro-batch: calls Block::finish() for all blocks.
  void finish_step();

  /// Fills the values with initial_values(), rounded to their type.
  void initialise(std::uint64_t seed);

 private:
  Block make_block(const layout::FlatBlock& place) const;

  layout::FlatLayout layout_;
  std::vector<Parameter> parameters_;
  std::vector<Block> blocks_;
  std::map<std::string, int> block_index_;
  at::Tensor flat_values_;
  at::Tensor flat_grads_;
};

}  // namespace trireme::parallel
