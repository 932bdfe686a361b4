#include "models/parallel/parameters.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.hpp"
#include "base/normal.hpp"

namespace trireme::parallel {
namespace {

/// The index in its tensor of the first element of a row of the box: elements that lie next to each other.
std::uint64_t first_of_row(const topology::Shape& shape, const topology::Box& box, std::int64_t row) {
  const std::size_t last = shape.size() - 1;
  std::int64_t first = box.offset[last];
  std::int64_t stride = shape[last];
  for (std::size_t dim = last; dim-- > 0;) {
    first += (box.offset[dim] + row % box.size[dim]) * stride;
    row /= box.size[dim];
    stride *= shape[dim];
  }
  return static_cast<std::uint64_t>(first);
}

/// Memory of a host lies in pages of 2 MiB where the system has them to give: weights are read from one end to the
/// other, and with pages of 4 KiB finding each one takes up to half of that time
/// (docs/adr/0014-products-of-few-rows.md).
at::Tensor flat_zeros(std::int64_t elements, at::ScalarType type, at::Device device) {
  at::Tensor flat = at::empty({elements}, at::TensorOptions().dtype(type).device(device));
  if (device.is_cpu()) {
    constexpr std::uintptr_t kPage = 4096;
    const auto first = reinterpret_cast<std::uintptr_t>(flat.mutable_data_ptr());
    const std::uintptr_t begin = (first + kPage - 1) / kPage * kPage, end = (first + flat.nbytes()) / kPage * kPage;
    // A hint: what it returns does not matter.
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
  return flat.zero_();
}

}  // namespace

bool Block::take_first() {
  const bool first = fresh_;
  fresh_ = false;
  return first;
}

void Block::finish() {
  if (trainable() && take_first()) grad.zero_();
}

std::int64_t elements_of_64_bytes(at::ScalarType value_type, at::ScalarType grad_type) {
  return 64 / static_cast<std::int64_t>(std::min(at::elementSize(value_type), at::elementSize(grad_type)));
}

at::Tensor initial_values(const Parameter& parameter, std::uint64_t seed) {
  const spec::LogicalTensor& tensor = parameter.tensor;
  if (tensor.initial == spec::Initial::kZeros) return at::zeros(parameter.box.size, at::kDouble);
  if (tensor.initial == spec::Initial::kOnes) return at::full(parameter.box.size, 1.0, at::kDouble);
  at::Tensor values = at::empty(parameter.box.size, at::kDouble);
  if (parameter.box.empty()) return values;
  auto* const out = values.mutable_data_ptr<double>();
  const std::int64_t width = parameter.box.size.back(), rows = values.numel() / width;
  // Each value depends on its index alone, so it does not matter which thread draws it.
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < rows; ++row) {
    base::fill_normal(seed, tensor.name, first_of_row(tensor.shape, parameter.box, row),
                      static_cast<std::uint64_t>(width), tensor.deviation, out + row * width);
  }
  return values;
}

ParameterStore::ParameterStore(layout::FlatLayout layout, at::ScalarType value_type,
                               std::optional<at::ScalarType> grad_type, at::Device device)
    : layout_(std::move(layout)) {
  flat_values_ = flat_zeros(layout_.elements, value_type, device);
  if (grad_type) flat_grads_ = flat_zeros(layout_.grad_elements, *grad_type, device);
  for (const layout::FlatParameter& place : layout_.parameters) {
    Parameter& parameter = parameters_.emplace_back(Parameter{place, {}, {}});
    const std::int64_t count = parameter.box.elements();
    parameter.value = flat_values_.narrow(0, parameter.flat_offset, count).view(parameter.box.size);
    if (grad_type && parameter.trainable)
      parameter.grad = flat_grads_.narrow(0, parameter.flat_offset, count).view(parameter.box.size);
  }
  for (const layout::FlatBlock& place : layout_.blocks) {
    block_index_.emplace(place.name, static_cast<int>(blocks_.size()));
    blocks_.push_back(make_block(place));
  }
}

Block ParameterStore::make_block(const layout::FlatBlock& place) const {
  topology::Shape stacked = parameters_[static_cast<std::size_t>(place.members.front())].box.size;
  stacked[0] = 0;
  for (const int member : place.members) stacked[0] += parameters_[static_cast<std::size_t>(member)].box.size[0];
  const std::int64_t count = topology::elements_of(stacked);
  const auto part_of = [&](const at::Tensor& flat) { return flat.narrow(0, place.flat_offset, count).view(stacked); };
  const bool gradients = flat_grads_.defined() && place.trainable;
  return {place.name, part_of(flat_values_), gradients ? part_of(flat_grads_) : at::Tensor()};
}

Block& ParameterStore::block(const std::string& name) {
  const auto found = block_index_.find(name);
  if (found == block_index_.end()) throw base::Error(base::str("this rank holds no parameter block named ", name));
  return blocks_[static_cast<std::size_t>(found->second)];
}

bool ParameterStore::has_block(const std::string& name) const { return block_index_.count(name) != 0; }

void ParameterStore::begin_step() {
  for (Block& block : blocks_) block.fresh_ = true;
}

void ParameterStore::finish_step() {
  for (Block& block : blocks_) block.finish();
}

void ParameterStore::initialise(std::uint64_t seed) {
  for (Parameter& parameter : parameters_) parameter.value.copy_(initial_values(parameter, seed));
}

}  // namespace trireme::parallel
