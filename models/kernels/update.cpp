#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "models/kernels/cpu/adamw.hpp"
#include "models/kernels/cpu/momentum.hpp"
#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {

at::Tensor sum_of_squares(const at::Tensor& flat, const at::Tensor& pieces) {
  at::Tensor total = at::zeros({}, flat.options().dtype(at::kDouble));
  const std::int64_t count = pieces.size(0);
  if (count == 0) return total;
  if (flat.is_cuda()) {
    at::Tensor sums = at::empty({count}, total.options());
    cuda_table().sum_of_squares(flat, pieces, sums, total);
    return total;
  }
  const std::int64_t* piece = pieces.const_data_ptr<std::int64_t>();
  double& sum = *total.mutable_data_ptr<double>();
  for (std::int64_t p = 0; p < count; ++p, piece += 2) {
    const std::int64_t offset = piece[0], length = piece[1];
    sum += flat.scalar_type() == at::kDouble ? cpu::sum_of_squares(length, flat.const_data_ptr<double>() + offset)
                                             : cpu::sum_of_squares(length, flat.const_data_ptr<float>() + offset);
  }
  return total;
}

namespace {

template <typename T>
void adamw_on_host(const cpu::AdamWStep& step, const at::Tensor& pieces, const AdamWBuffers& buffers) {
  T* value = buffers.value.mutable_data_ptr<T>();
  const T* grad = buffers.grad.const_data_ptr<T>();
  T* m = buffers.m.mutable_data_ptr<T>();
  T* v = buffers.v.mutable_data_ptr<T>();
  const bool masters = buffers.rounded.defined();
  const std::int64_t* piece = pieces.const_data_ptr<std::int64_t>();
  for (std::int64_t p = 0; p < pieces.size(0); ++p, piece += 4) {
    const std::int64_t flat = piece[0], packed = piece[1], length = piece[2];
    cpu::AdamWStep own = step;
    if (piece[3] == 0) own.weight_decay = 0.0;
    T* to = value + (masters ? packed : flat);
    if constexpr (std::is_same_v<T, float>) {
      auto* rounded = masters ? static_cast<std::uint16_t*>(buffers.rounded.mutable_data_ptr()) + flat : nullptr;
      cpu::adamw(own, length, to, grad + flat, m + packed, v + packed, rounded);
    } else {
      cpu::adamw(own, length, to, grad + flat, m + packed, v + packed);
    }
  }
}

/// Calls update(step, length, value, grad, momentum, rounded) for each piece; `rounded` is null without masters.
template <typename T, typename Step, typename Update>
void for_pieces(const Step& step, const at::Tensor& pieces, const MomentumBuffers& buffers, const Update& update) {
  const bool masters = buffers.rounded.defined();
  auto* rounded = masters ? static_cast<std::uint16_t*>(buffers.rounded.mutable_data_ptr()) : nullptr;
  const std::int64_t* piece = pieces.const_data_ptr<std::int64_t>();
  for (std::int64_t p = 0; p < pieces.size(0); ++p, piece += 4) {
    const std::int64_t flat = piece[0], packed = piece[1], length = piece[2];
    Step own = step;
    if (piece[3] == 0) own.weight_decay = 0.0;
    update(own, length, buffers.value.mutable_data_ptr<T>() + (masters ? packed : flat),
           buffers.grad.const_data_ptr<T>() + flat, buffers.momentum.mutable_data_ptr<T>() + packed,
           masters ? rounded + flat : nullptr);
  }
}

}  // namespace

void adamw(const cpu::AdamWStep& step, const at::Tensor& pieces, const AdamWBuffers& buffers) {
  if (pieces.size(0) == 0) return;  // a group may have nothing on this rank, and a device launches no empty grid
  if (buffers.value.is_cuda()) {
    cuda_table().adamw(step, pieces, buffers);
  } else if (buffers.grad.scalar_type() == at::kDouble) {
    adamw_on_host<double>(step, pieces, buffers);
  } else {
    adamw_on_host<float>(step, pieces, buffers);
  }
}

void sgd(const cpu::SgdStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers) {
  if (buffers.value.is_cuda()) {
    portable::sgd(step, pieces, buffers);
  } else if (buffers.grad.scalar_type() == at::kDouble) {
    for_pieces<double>(step, pieces, buffers,
                       [](const cpu::SgdStep& own, std::int64_t length, double* value, const double* grad,
                          double* momentum, std::uint16_t*) { cpu::sgd(own, length, value, grad, momentum); });
  } else {
    for_pieces<float>(step, pieces, buffers,
                      [](const cpu::SgdStep& own, std::int64_t length, float* value, const float* grad, float* momentum,
                         std::uint16_t* rounded) { cpu::sgd(own, length, value, grad, momentum, rounded); });
  }
}

void lion(const cpu::LionStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers) {
  if (buffers.value.is_cuda()) {
    portable::lion(step, pieces, buffers);
  } else if (buffers.grad.scalar_type() == at::kDouble) {
    for_pieces<double>(step, pieces, buffers,
                       [](const cpu::LionStep& own, std::int64_t length, double* value, const double* grad,
                          double* momentum, std::uint16_t*) { cpu::lion(own, length, value, grad, momentum); });
  } else {
    for_pieces<float>(
        step, pieces, buffers,
        [](const cpu::LionStep& own, std::int64_t length, float* value, const float* grad, float* momentum,
           std::uint16_t* rounded) { cpu::lion(own, length, value, grad, momentum, rounded); });
  }
}

}  // namespace trireme::kernels
