#include "models/kernels/qk_norm.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {
namespace {

at::TensorOptions wide_options(const at::Tensor& x) { return x.options().dtype(wide_type(x.scalar_type())); }

/// Where the columns begin in row `row`, in elements.
std::int64_t place(const at::Tensor& x, const Columns& columns, std::int64_t row) {
  return row * columns_of(x) + columns.first;
}

/// Returns wide sums[width] over all rows. f(first, count, sums) adds those of some rows. The rows are cut into the
/// same pieces for any number of threads, and the pieces' sums are added in their order.
template <typename F>
at::Tensor sum_over_rows(const at::Tensor& x, std::int64_t width, std::int64_t cost, const F& f) {
  constexpr std::int64_t kPieces = 64;
  const std::int64_t rows = rows_of(x);
  const std::int64_t each = std::max<std::int64_t>(1, (rows + kPieces - 1) / kPieces);
  const std::int64_t pieces = (rows + each - 1) / each;
  const at::Tensor partial = at::zeros({pieces, width}, wide_options(x));
  void* to = partial.mutable_data_ptr();
  divide(pieces, each * cost, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t piece = first; piece < first + count; ++piece) {
      f(piece * each, std::min(each, rows - piece * each), offset(to, piece * width, partial));
    }
  });
  at::Tensor sums = at::zeros({width}, wide_options(x));
  column_sum(partial, sums, true);
  return sums;
}

}  // namespace

at::Tensor head_norm(const at::Tensor& x, const Columns& columns, const at::Tensor& weight, const spec::NormSpec& norm,
                     at::Tensor& y) {
  if (x.is_cuda()) return portable::head_norm(x, columns, weight, norm, y);
  const std::int64_t size = weight.numel();
  const std::int64_t heads = columns.count / size;
  at::Tensor rstd = at::empty({rows_of(x), heads}, wide_options(x));
  const void* from = x.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* to = y.mutable_data_ptr();
  void* inverse = rstd.mutable_data_ptr();
  divide(rows_of(x), columns.count, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t row = first; row < first + count; ++row) {
      const std::int64_t at = place(x, columns, row);
      cpu::isa_table().rms_forward(element_of(x), heads, size, offset(from, at, x), scale, norm.unit_offset, norm.eps,
                                   offset(to, at, x), offset(inverse, row * heads, rstd));
    }
  });
  return rstd;
}

at::Tensor head_norm_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& rstd,
                              const at::Tensor& weight, const spec::NormSpec& norm) {
  if (x.is_cuda()) return portable::head_norm_backward(grad, x, columns, rstd, weight, norm);
  const std::int64_t size = weight.numel();
  const std::int64_t heads = columns.count / size;
  const void* from = x.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  const void* inverse = rstd.const_data_ptr();
  void* d = grad.mutable_data_ptr();
  return sum_over_rows(x, size, columns.count, [&](std::int64_t first, std::int64_t count, void* sums) {
    for (std::int64_t row = first; row < first + count; ++row) {
      const std::int64_t at = place(x, columns, row);
      void* here = offset(d, at, x);
      cpu::isa_table().rms_backward(element_of(x), heads, size, here, offset(from, at, x),
                                    offset(inverse, row * heads, rstd), scale, norm.unit_offset, here, sums);
    }
  });
}

at::Tensor row_squares(const at::Tensor& x, const Columns& owned) {
  if (x.is_cuda()) return portable::row_squares(x, owned);
  at::Tensor sums = at::empty({rows_of(x)}, wide_options(x));
  const void* from = x.const_data_ptr();
  void* to = sums.mutable_data_ptr();
  divide(rows_of(x), owned.count, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().row_squares(element_of(x), count, owned.count, columns_of(x),
                                 offset(from, place(x, owned, first), x), offset(to, first, sums));
  });
  return sums;
}

void scale_rows(const at::Tensor& x, const Columns& columns, const at::Tensor& rstd, const at::Tensor& weight,
                const spec::NormSpec& norm, at::Tensor& y) {
  if (x.is_cuda()) return portable::scale_rows(x, columns, rstd, weight, norm, y);
  const void* from = x.const_data_ptr();
  const void* inverse = rstd.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* to = y.mutable_data_ptr();
  divide(rows_of(x), columns.count, [&](std::int64_t first, std::int64_t count) {
    const std::int64_t at = place(x, columns, first);
    cpu::isa_table().scale_rows(element_of(x), count, columns.count, columns_of(x), offset(from, at, x),
                                offset(inverse, first, rstd), scale, norm.unit_offset, offset(to, at, x));
  });
}

at::Tensor row_dots(const at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& weight,
                    const spec::NormSpec& norm) {
  if (x.is_cuda()) return portable::row_dots(grad, x, columns, weight, norm);
  at::Tensor dots = at::empty({rows_of(x)}, wide_options(x));
  const void* d = grad.const_data_ptr();
  const void* from = x.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* to = dots.mutable_data_ptr();
  divide(rows_of(x), columns.count, [&](std::int64_t first, std::int64_t count) {
    const std::int64_t at = place(x, columns, first);
    cpu::isa_table().row_dots(element_of(x), count, columns.count, columns_of(x), offset(d, at, x), offset(from, at, x),
                              scale, norm.unit_offset, offset(to, first, dots));
  });
  return dots;
}

at::Tensor scale_rows_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const Columns& owned,
                               const at::Tensor& rstd, const at::Tensor& dots, std::int64_t width,
                               const at::Tensor& weight, const spec::NormSpec& norm) {
  if (x.is_cuda()) return portable::scale_rows_backward(grad, x, columns, owned, rstd, dots, width, weight, norm);
  const void* from = x.const_data_ptr();
  const void* inverse = rstd.const_data_ptr();
  const void* along = dots.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* d = grad.mutable_data_ptr();
  const auto some = [&](std::int64_t first, std::int64_t count, std::int64_t begin, std::int64_t end, bool has_dots,
                        void* sums) {
    const std::int64_t at = first * columns_of(x) + begin;
    const std::int64_t local = begin - columns.first;
    cpu::isa_table().scale_rows_backward(element_of(x), count, end - begin, columns_of(x), offset(d, at, x),
                                         offset(from, at, x), offset(inverse, first, rstd),
                                         has_dots ? offset(along, first, dots) : nullptr, static_cast<double>(width),
                                         offset(scale, local, weight), norm.unit_offset, offset(sums, local, rstd));
  };
  return sum_over_rows(x, columns.count, columns.count, [&](std::int64_t first, std::int64_t count, void* sums) {
    some(first, count, columns.first, owned.first, false, sums);
    some(first, count, owned.first, owned.first + owned.count, true, sums);
    some(first, count, owned.first + owned.count, columns.first + columns.count, false, sums);
  });
}

}  // namespace trireme::kernels
