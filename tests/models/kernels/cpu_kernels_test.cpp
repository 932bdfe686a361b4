// Host kernels against independent formulas in fp64, for every element type.
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "models/kernels/cpu/adamw.hpp"
#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/kernels.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

/// The host kernels of every kind.
class HostKernelTest : public KernelTest {};

/// Heads of 8 elements, of which all, or the first 6 or 2, are rotated.
TEST_P(HostKernelTest, RotationTurnsHalvesAndBack) {
  for (const std::int64_t half : {4, 3, 1}) {
    auto [x, x64] = random({4, 2, 3 * 8 + 5});
    const at::ScalarType wide = wide_type(GetParam());
    const at::Tensor angle = at::randn({6, half}, at::kDouble);
    const at::Tensor cosine = angle.cos().to(wide), sine = angle.sin().to(wide);
    const at::Tensor before = x.clone();
    rotate(x, 3, 8, cosine, sine, 2, false);
    at::Tensor expected = x64.clone();
    for (std::int64_t head = 0; head < 3; ++head) {
      const at::Tensor a = x64.narrow(2, head * 8, half), b = x64.narrow(2, head * 8 + half, half);
      const at::Tensor c = angle.narrow(0, 2, 4).cos().unsqueeze(1), s = angle.narrow(0, 2, 4).sin().unsqueeze(1);
      expected.narrow(2, head * 8, half).copy_(a.mul(c).sub(b.mul(s)));
      expected.narrow(2, head * 8 + half, half).copy_(b.mul(c).add(a.mul(s)));
    }
    expect_close(x, expected);
    rotate(x, 3, 8, cosine, sine, 2, true);
    expect_close(x, before.to(at::kDouble));
  }
}

TEST_P(HostKernelTest, SumsAndAdditions) {
  auto [y, y64] = random({9, 131});
  const auto [x, x64] = random({9, 131});
  const auto [bias, bias64] = random({131});
  at::Tensor sums = at::zeros({131}, wide_type(GetParam()));
  column_sum(x, sums, true);
  column_sum(x, sums, false);
  expect_close(sums, x64.sum(0).mul(2));
  accumulate(sums, bias);
  expect_close(sums, x64.sum(0).mul(2).add(bias64));
  add(y, x, bias);
  expect_close(y, y64.add(x64).add(bias64));
}

TEST_P(HostKernelTest, RowsAddUpInOrderAndSkipAbsentOnes) {
  const auto [dy, dy64] = random({6, 33});
  at::Tensor grad = at::zeros({4, 33}, wide_type(GetParam()));
  const std::vector<std::int64_t> rows{2, 0, 2, -1, 2, 3};
  at::Tensor index = at::empty({6}, at::kLong);
  std::memcpy(index.mutable_data_ptr(), rows.data(), sizeof(std::int64_t) * 6);
  add_rows(grad, index, dy);
  at::Tensor expected = at::zeros({4, 33}, at::kDouble);
  for (std::int64_t i = 0; i < 6; ++i) {
    if (rows[static_cast<std::size_t>(i)] >= 0) expected[rows[static_cast<std::size_t>(i)]].add_(dy64[i]);
  }
  expect_close(grad, expected);
}

TEST_P(HostKernelTest, DropoutIsTheSameHoweverTheSlabIsCut) {
  const std::vector<std::int64_t> samples{5, 9, 1000000007};
  const at::Tensor x = at::empty({8, 3, 75}, GetParam()).fill_(1.0);
  const DropoutKey key{0.25, 42, 6, 1, 2, 0};
  at::Tensor whole = x.clone();
  dropout(whole, key, samples);
  for (std::int64_t half = 0; half < 2; ++half) {
    at::Tensor cut = x.narrow(0, half * 4, 4).narrow(1, 1, 2).clone();
    DropoutKey moved = key;
    moved.first_position = half * 4;
    dropout(cut, moved, {9, 1000000007});
    EXPECT_TRUE(cut.equal(whole.narrow(0, half * 4, 4).narrow(1, 1, 2)));
  }
  at::Tensor other = x.clone();
  DropoutKey next = key;
  next.site = 1;
  dropout(other, next, samples);
  EXPECT_FALSE(other.equal(whole));
  const double kept = whole.ne(0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(kept, 0.75, 0.05);
  EXPECT_NEAR(largest(whole), 1.0 / 0.75, tolerance() * 2);
}

INSTANTIATE_TEST_SUITE_P(Types, HostKernelTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16), type_name);

template <typename T>
std::vector<T> pattern(std::int64_t count, double scale, double phase) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<T>(scale * std::sin(phase + 0.37 * static_cast<double>(i)));
  }
  return values;
}

template <typename T>
struct State {
  explicit State(std::int64_t count)
      : value(pattern<T>(count, 1.0, 0.1)),
        grad(pattern<T>(count, 0.3, 0.2)),
        m(pattern<T>(count, 0.1, 0.3)),
        v(pattern<T>(count, 0.1, 0.4)) {
    for (T& x : v) x = std::abs(x);
  }
  void update(const cpu::AdamWStep& step, std::int64_t first, std::int64_t count) {
    cpu::adamw(step, count, value.data() + first, grad.data() + first, m.data() + first, v.data() + first);
  }
  std::vector<T> value, grad, m, v;
};

template <typename T>
class AdamWTest : public ::testing::Test {};
using FloatTypes = ::testing::Types<float, double>;
TYPED_TEST_SUITE(AdamWTest, FloatTypes);

TYPED_TEST(AdamWTest, GivesTheSameBitsForEveryCutOfTheRange) {
  const cpu::AdamWStep step{1e-3, 0.9, 0.95, 1e-8, 0.1, 0.19, 0.0975, 0.7};
  const std::int64_t count = 40007;
  State<TypeParam> whole(count), cut(count);
  whole.update(step, 0, count);
  for (std::int64_t first = 0, length = 1; first < count; first += length, length = length * 3 % 977 + 1) {
    cut.update(step, first, std::min(length, count - first));
  }
  EXPECT_EQ(std::memcmp(whole.value.data(), cut.value.data(), sizeof(TypeParam) * whole.value.size()), 0);
  EXPECT_EQ(std::memcmp(whole.m.data(), cut.m.data(), sizeof(TypeParam) * whole.m.size()), 0);
  EXPECT_EQ(std::memcmp(whole.v.data(), cut.v.data(), sizeof(TypeParam) * whole.v.size()), 0);
}

TYPED_TEST(AdamWTest, FollowsThePaper) {
  const cpu::AdamWStep step{1e-2, 0.9, 0.99, 1e-8, 0.1, 0.271, 0.0297, 0.5};
  const std::int64_t count = 1000;
  State<TypeParam> updated(count);
  const State<TypeParam> before = updated;
  updated.update(step, 0, count);
  for (std::size_t i = 0; i < count; ++i) {
    const double g = 0.5 * static_cast<double>(before.grad[i]);
    const double m = 0.9 * static_cast<double>(before.m[i]) + 0.1 * g;
    const double v = 0.99 * static_cast<double>(before.v[i]) + 0.01 * g * g;
    const double p =
        static_cast<double>(before.value[i]) * (1 - 1e-2 * 0.1) - 1e-2 * (m / 0.271) / (std::sqrt(v / 0.0297) + 1e-8);
    const double limit = sizeof(TypeParam) == 8 ? 1e-15 : 1e-6;
    EXPECT_NEAR(static_cast<double>(updated.value[i]), p, limit) << i;
    EXPECT_NEAR(static_cast<double>(updated.m[i]), m, limit) << i;
  }
}

template <typename F>
void for_lower_tables(const F& check) {
  for (const cpu::IsaTable* table : cpu::isa_tables()) {
    if (table != &cpu::isa_table()) check(*table);
  }
}

TEST(InstructionSetTest, AdamWGivesTheSameBitsOnEach) {
  const cpu::AdamWStep step{1e-3, 0.9, 0.95, 1e-8, 0.1, 0.19, 0.0975, 0.7};
  State<float> best(1003);
  cpu::isa_table().adamw_float(step, 1003, best.value.data(), best.grad.data(), best.m.data(), best.v.data(), nullptr);
  for_lower_tables([&](const cpu::IsaTable& table) {
    State<float> other(1003);
    table.adamw_float(step, 1003, other.value.data(), other.grad.data(), other.m.data(), other.v.data(), nullptr);
    EXPECT_EQ(std::memcmp(best.value.data(), other.value.data(), 4 * best.value.size()), 0) << table.name;
  });
}

TEST(SumOfSquaresTest, DoesNotDependOnThreads) {
  const auto data = pattern<float>(100003, 1.0, 0.5);
  const double all = cpu::sum_of_squares(100003, data.data());
  double expected = 0.0;
  for (const float x : data) expected += static_cast<double>(x) * static_cast<double>(x);
  EXPECT_NEAR(all, expected, 1e-12 * expected);
  const Threads three(3);
  EXPECT_EQ(cpu::sum_of_squares(100003, data.data()), all);
}

}  // namespace
}  // namespace trireme::kernels
