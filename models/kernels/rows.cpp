#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {

void rotate(at::Tensor& data, std::int64_t heads, std::int64_t head_size, const at::Tensor& cosine,
            const at::Tensor& sine, std::int64_t first, bool inverse) {
  if (data.is_cuda()) {
    cuda_table().rotate(data, heads, head_size, cosine, sine, first, inverse);
    return;
  }
  const std::int64_t batch = data.size(1);
  const std::int64_t stride = data.size(2);
  const std::int64_t half = cosine.size(1);
  void* to = data.mutable_data_ptr();
  const void* cosines = cosine.const_data_ptr();
  const void* sines = sine.const_data_ptr();
  divide(data.size(0), batch * stride, [&](std::int64_t begin, std::int64_t count) {
    for (std::int64_t t = begin; t < begin + count; ++t) {
      cpu::isa_table().rotate(element_of(data), batch, stride, heads, head_size, half,
                              offset(cosines, (first + t) * half, cosine), offset(sines, (first + t) * half, sine),
                              inverse ? -1.0 : 1.0, offset(to, t * batch * stride, data));
    }
  });
}

void add(at::Tensor& y, const at::Tensor& x, const at::Tensor& bias) {
  if (y.is_cuda()) {
    portable::add(y, x, bias);
    return;
  }
  const std::int64_t width = columns_of(y);
  void* to = y.mutable_data_ptr();
  const void* from = x.defined() ? x.const_data_ptr() : nullptr;
  const void* added = bias.defined() ? bias.const_data_ptr() : nullptr;
  divide(rows_of(y), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().add(element_of(y), count, width, from == nullptr ? nullptr : offset(from, first * width, y), added,
                         offset(to, first * width, y));
  });
}

void column_sum(const at::Tensor& x, at::Tensor& sums, bool overwrite) {
  if (x.is_cuda()) {
    portable::column_sum(x, sums, overwrite);
    return;
  }
  const std::int64_t width = columns_of(x);
  const std::int64_t rows = rows_of(x);
  const void* from = x.const_data_ptr();
  void* to = sums.mutable_data_ptr();
  divide(
      width, rows,
      [&](std::int64_t first, std::int64_t count) {
        cpu::isa_table().column_sum(element_of(x), rows, count, width, offset(from, first, x), overwrite,
                                    offset(to, first, sums));
      },
      64);
}

void accumulate(at::Tensor& sum, const at::Tensor& x) {
  if (x.is_cuda()) {
    portable::accumulate(sum, x);
    return;
  }
  void* to = sum.mutable_data_ptr();
  const void* from = x.const_data_ptr();
  divide(
      x.numel(), 1,
      [&](std::int64_t first, std::int64_t count) {
        cpu::isa_table().accumulate(element_of(x), count, offset(from, first, x), offset(to, first, sum));
      },
      64);
}

void add_rows(at::Tensor& grad, const at::Tensor& rows, const at::Tensor& dy) {
  if (grad.is_cuda()) {
    portable::add_rows(grad, rows, dy);
    return;
  }
  const std::int64_t width = columns_of(grad);
  const std::int64_t count = rows.numel();
  const std::int64_t* row = rows.const_data_ptr<std::int64_t>();
  const void* from = dy.const_data_ptr();
  void* to = grad.mutable_data_ptr();
  divide(
      width, count,
      [&](std::int64_t first, std::int64_t columns) {
        for (std::int64_t i = 0; i < count; ++i) {
          if (row[i] < 0) continue;
          cpu::isa_table().accumulate(element_of(dy), columns, offset(from, i * width + first, dy),
                                      offset(to, row[i] * width + first, grad));
        }
      },
      16);
}

}  // namespace trireme::kernels
