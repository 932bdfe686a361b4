// Norms of queries and keys inside fused rows, against their formulas in fp64.
#include "models/kernels/qk_norm.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/host.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

using spec::NormKind;
using spec::NormSpec;

at::Tensor part(const at::Tensor& x, const Columns& columns) { return x.narrow(2, columns.first, columns.count); }

at::Tensor factor(const at::Tensor& weight, const NormSpec& spec) {
  const at::Tensor wide = weight.to(at::kDouble);
  return spec.unit_offset ? wide.add(1) : wide;
}

class QkNormTest : public KernelTest {
 protected:
  static constexpr std::int64_t kLength = 5, kBatch = 3;
  static NormSpec with_offset(bool offset) { return {NormKind::kRms, false, offset, 1e-6}; }

  /// What lies outside the columns must be as it was.
  static void expect_elsewhere(const at::Tensor& x, const at::Tensor& before, const Columns& columns) {
    at::Tensor masked = x.clone(), expected = before.clone();
    part(masked, columns).zero_();
    part(expected, columns).zero_();
    EXPECT_TRUE(masked.equal(expected));
  }
};

TEST_P(QkNormTest, EachHeadIsNormalisedByItself) {
  for (const std::int64_t size : {4, 33}) {
    for (const bool offset : {false, true}) {
      constexpr std::int64_t kHeads = 3;
      const NormSpec spec = with_offset(offset);
      const Columns columns{7, kHeads * size};
      const auto [x, x64] = random({kLength, kBatch, columns.first + columns.count + 5});
      const auto [w, w64] = random({size});
      const auto [dy, dy64] = random(x.sizes());
      const at::Tensor heads = part(x64, columns).unflatten(2, {kHeads, size}), f = factor(w, spec);
      const at::Tensor rstd64 = heads.square().mean(-1, true).add(spec.eps).rsqrt(), normal = heads.mul(rstd64);

      at::Tensor y = at::zeros_like(x), in_place = x.clone();
      const at::Tensor rstd = head_norm(x, columns, w, spec, y);
      EXPECT_EQ(rstd.scalar_type(), wide_type(GetParam()));
      expect_close(rstd, rstd64.view({kLength * kBatch, kHeads}));
      expect_close(part(y, columns), normal.mul(f).flatten(2));
      expect_elsewhere(y, at::zeros_like(x), columns);
      head_norm(in_place, columns, w, spec, in_place);
      EXPECT_TRUE(part(in_place, columns).equal(part(y, columns)));
      expect_elsewhere(in_place, x, columns);

      at::Tensor grad = dy.clone();
      const at::Tensor weight_grad = head_norm_backward(grad, x, columns, rstd, w, spec);
      const at::Tensor d = part(dy64, columns).unflatten(2, {kHeads, size}), scaled = d.mul(f);
      const at::Tensor dx = scaled.sub(normal.mul(scaled.mul(normal).mean(-1, true))).mul(rstd64);
      expect_close(part(grad, columns), dx.flatten(2));
      expect_elsewhere(grad, dy, columns);
      EXPECT_EQ(weight_grad.scalar_type(), wide_type(GetParam()));
      expect_close(weight_grad, d.mul(normal).sum(at::IntArrayRef{0, 1, 2}));
    }
  }
}

/// Two ranks hold three heads, both of them the second one, which belongs to the first rank. Each has a part of that
/// head's gradient.
TEST_P(QkNormTest, RanksThatShareAHeadNormaliseOverTheWidthTogether) {
  constexpr std::int64_t kSize = 11, kWidth = 3 * kSize, kFirst = 6;
  const Columns columns{kFirst, 2 * kSize};
  const Columns owned[] = {columns, {kFirst + kSize, kSize}};
  for (const bool offset : {false, true}) {
    const NormSpec spec = with_offset(offset);
    const auto [whole, whole64] = random({kLength, kBatch, kWidth});
    const auto [weight, weight64] = random({kWidth});
    at::Tensor x[2], w[2], dy[2], rows, dots;
    at::Tensor dy64 = at::zeros({kLength, kBatch, kWidth}, at::kDouble);
    for (std::int64_t rank = 0; rank < 2; ++rank) {
      x[rank] = random({kLength, kBatch, kFirst + columns.count + 3}).first;
      part(x[rank], columns).copy_(whole.narrow(2, rank * kSize, columns.count));
      w[rank] = weight.narrow(0, rank * kSize, columns.count).contiguous();
      dy[rank] = random(x[rank].sizes()).first;
      dy64.narrow(2, rank * kSize, columns.count).add_(part(dy[rank], columns));
      const at::Tensor squares = row_squares(x[rank], owned[rank]);
      EXPECT_EQ(squares.scalar_type(), wide_type(GetParam()));
      rows = rank == 0 ? squares : rows.add(squares);
      const at::Tensor dot = row_dots(dy[rank], x[rank], columns, w[rank], spec);
      dots = rank == 0 ? dot : dots.add(dot);
    }
    expect_close(rows, whole64.square().sum(-1).flatten());
    const at::Tensor rstd = rows.div(kWidth).add(spec.eps).rsqrt();
    const at::Tensor rstd64 = whole64.square().mean(-1, true).add(spec.eps).rsqrt(), normal = whole64.mul(rstd64);
    const at::Tensor scaled = dy64.mul(factor(weight, spec));
    at::Tensor dx = at::zeros_like(dy64), weight_grad = at::zeros({kWidth}, at::kDouble);
    for (std::int64_t rank = 0; rank < 2; ++rank) {
      const std::int64_t first = rank * kSize;
      at::Tensor y = x[rank].clone(), grad = dy[rank].clone();
      scale_rows(x[rank], columns, rstd, w[rank], spec, y);
      expect_close(part(y, columns), normal.mul(factor(weight, spec)).narrow(2, first, columns.count));
      expect_elsewhere(y, x[rank], columns);
      const at::Tensor d = scale_rows_backward(grad, x[rank], columns, owned[rank], rstd, dots, kWidth, w[rank], spec);
      expect_elsewhere(grad, dy[rank], columns);
      dx.narrow(2, first, columns.count).add_(part(grad, columns));
      weight_grad.narrow(0, first, columns.count).add_(d);
    }
    expect_close(dx, scaled.sub(normal.mul(scaled.mul(normal).mean(-1, true))).mul(rstd64));
    expect_close(weight_grad, dy64.mul(normal).sum(at::IntArrayRef{0, 1}));
  }
}

TEST_P(QkNormTest, ARankThatOwnsNoHeadAddsNothingToTheSums) {
  const auto x = random({kLength, kBatch, 16}).first;
  EXPECT_EQ(largest(row_squares(x, {8, 0})), 0.0);
}

TEST_P(QkNormTest, TheNumberOfThreadsChangesNothing) {
  const Columns columns{8, 4 * 16}, owned{24, 3 * 16};
  const NormSpec spec = with_offset(false);
  const at::Tensor x = random({131, 2, 80}).first, dy = random(x.sizes()).first, w = random({columns.count}).first;
  const at::Tensor head_weight = w.narrow(0, 0, 16).contiguous();
  const auto all = [&](int threads) {
    const Threads number(threads);
    at::Tensor y = x.clone(), head_grad = dy.clone(), grad = dy.clone();
    const at::Tensor rstd = head_norm(x, columns, head_weight, spec, y);
    const at::Tensor head_weight_grad = head_norm_backward(head_grad, x, columns, rstd, head_weight, spec);
    const at::Tensor squares = row_squares(x, columns), dots = row_dots(dy, x, columns, w, spec);
    const at::Tensor weight_grad = scale_rows_backward(grad, x, columns, owned, squares, dots, 64, w, spec);
    return std::vector<at::Tensor>{y, head_grad, head_weight_grad, squares, dots, grad, weight_grad};
  };
  const auto one = all(1), three = all(3);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(three[i])) << i;
}

TEST_P(QkNormTest, EveryInstructionSetComputesTheSame) {
  constexpr std::int64_t kRows = 3, kWidth = 67, kStride = 80;
  const auto [x, x64] = random({kRows, kStride});
  const auto [w, w64] = random({kWidth});
  const auto [dy, dy64] = random({kRows, kStride});
  const at::ScalarType wide = wide_type(GetParam());
  const at::Tensor rstd = random({kRows}).second.abs().add(0.5).to(wide);
  const at::Tensor column = rstd.to(at::kDouble).unsqueeze(1), xs = x64.narrow(1, 0, kWidth),
                   d = dy64.narrow(1, 0, kWidth);
  for (const cpu::IsaTable* table : cpu::isa_tables()) {
    for (const bool offset : {false, true}) {
      const at::Tensor f = offset ? w64.add(1) : w64;
      at::Tensor sums = at::zeros({kRows}, wide), dots = sums.clone(), y = x.clone(), grad = dy.clone();
      at::Tensor weight_grad = at::zeros({kWidth}, wide);
      const auto element = element_of(x);
      table->row_squares(element, kRows, kWidth, kStride, x.const_data_ptr(), sums.mutable_data_ptr());
      expect_close(sums, xs.square().sum(1));
      table->row_dots(element, kRows, kWidth, kStride, dy.const_data_ptr(), x.const_data_ptr(), w.const_data_ptr(),
                      offset, dots.mutable_data_ptr());
      expect_close(dots, d.mul(f).mul(xs).sum(1));
      table->scale_rows(element, kRows, kWidth, kStride, x.const_data_ptr(), rstd.const_data_ptr(), w.const_data_ptr(),
                        offset, y.mutable_data_ptr());
      expect_close(y.narrow(1, 0, kWidth), xs.mul(column).mul(f));
      table->scale_rows_backward(element, kRows, kWidth, kStride, grad.mutable_data_ptr(), x.const_data_ptr(),
                                 rstd.const_data_ptr(), dots.const_data_ptr(), 70.0, w.const_data_ptr(), offset,
                                 weight_grad.mutable_data_ptr());
      const at::Tensor along = dots.to(at::kDouble).unsqueeze(1).mul(column.square()).div(70.0);
      expect_close(grad.narrow(1, 0, kWidth), d.mul(f).sub(xs.mul(along)).mul(column));
      expect_close(weight_grad, d.mul(xs).mul(column).sum(0));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, QkNormTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16), type_name);

}  // namespace
}  // namespace trireme::kernels
