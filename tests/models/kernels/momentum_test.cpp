// SGD and Lion on the host against their formulas in fp64.
#include "models/kernels/cpu/momentum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels {
namespace {

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
      : value(pattern<T>(count, 1.0, 0.1)), grad(pattern<T>(count, 0.3, 0.2)), momentum(pattern<T>(count, 0.1, 0.3)) {}
  bool operator==(const State& other) const {
    const auto same = [](const std::vector<T>& a, const std::vector<T>& b) {
      return std::memcmp(a.data(), b.data(), sizeof(T) * a.size()) == 0;
    };
    return same(value, other.value) && same(momentum, other.momentum);
  }
  std::vector<T> value, grad, momentum;
};

void update(const cpu::SgdStep& step, auto& state, std::int64_t first, std::int64_t count) {
  cpu::sgd(step, count, state.value.data() + first, state.grad.data() + first, state.momentum.data() + first);
}
void update(const cpu::LionStep& step, auto& state, std::int64_t first, std::int64_t count) {
  cpu::lion(step, count, state.value.data() + first, state.grad.data() + first, state.momentum.data() + first);
}

const cpu::LionStep kLion{1e-2, 0.9, 0.99, 0.1, 0.5};
constexpr double scaled(double g) { return 0.5 * g; }

cpu::SgdStep sgd_step(bool nesterov) { return {1e-2, 0.9, nesterov, 0.1, 0.5}; }

template <typename T>
class MomentumTest : public ::testing::Test {
 protected:
  static constexpr double kLimit = sizeof(T) == 8 ? 1e-15 : 1e-6;
};
using FloatTypes = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MomentumTest, FloatTypes);

TYPED_TEST(MomentumTest, SgdAddsWeightDecayToTheGradient) {
  for (const bool nesterov : {false, true}) {
    State<TypeParam> updated(1000);
    const State<TypeParam> before = updated;
    update(sgd_step(nesterov), updated, 0, 1000);
    for (std::size_t i = 0; i < 1000; ++i) {
      const auto p = static_cast<double>(before.value[i]);
      const double g = scaled(static_cast<double>(before.grad[i])) + 0.1 * p;
      const double m = 0.9 * static_cast<double>(before.momentum[i]) + g;
      EXPECT_NEAR(static_cast<double>(updated.momentum[i]), m, this->kLimit) << i;
      EXPECT_NEAR(static_cast<double>(updated.value[i]), p - 1e-2 * (nesterov ? g + 0.9 * m : m), this->kLimit) << i;
    }
  }
}

TYPED_TEST(MomentumTest, LionStepsAlongTheSignAndThenAverages) {
  State<TypeParam> updated(1000);
  updated.grad[7] = 0;
  updated.momentum[7] = 0;  // has no sign
  const State<TypeParam> before = updated;
  update(kLion, updated, 0, 1000);
  for (std::size_t i = 0; i < 1000; ++i) {
    const double g = scaled(static_cast<double>(before.grad[i]));
    const auto m = static_cast<double>(before.momentum[i]);
    const double direction = 0.9 * m + 0.1 * g;
    const double sign = direction > 0 ? 1 : direction < 0 ? -1 : 0;
    const double p = static_cast<double>(before.value[i]) * (1 - 1e-2 * 0.1) - 1e-2 * sign;
    EXPECT_NEAR(static_cast<double>(updated.value[i]), p, this->kLimit) << i;
    EXPECT_NEAR(static_cast<double>(updated.momentum[i]), 0.99 * m + 0.01 * g, this->kLimit) << i;
  }
}

TYPED_TEST(MomentumTest, GivesTheSameBitsForEveryCutOfTheRange) {
  const std::int64_t count = 40007;
  const auto expect_same = [&](const auto& step) {
    State<TypeParam> whole(count), cut(count);
    update(step, whole, 0, count);
    for (std::int64_t first = 0, length = 1; first < count; first += length, length = length * 3 % 977 + 1) {
      update(step, cut, first, std::min(length, count - first));
    }
    EXPECT_TRUE(whole == cut);
  };
  expect_same(sgd_step(false));
  expect_same(sgd_step(true));
  expect_same(kLion);
}

TEST(MomentumRoundings, AreThoseOfTheNewValuesToNearestEven) {
  State<float> state(1003), alone = state;
  std::vector<std::uint16_t> rounded(1003);
  cpu::lion(kLion, 1003, state.value.data(), state.grad.data(), state.momentum.data(), rounded.data());
  update(kLion, alone, 0, 1003);
  EXPECT_TRUE(state == alone);
  for (std::size_t i = 0; i < rounded.size(); ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(rounded[i]) << 16;
    float back;
    std::memcpy(&back, &bits, sizeof back);
    EXPECT_LE(std::abs(back - state.value[i]), std::abs(state.value[i]) / 256) << i;
  }
}

TEST(MomentumInstructionSets, GiveTheSameBits) {
  State<float> best_sgd(1003), best_lion(1003);
  cpu::isa_table().sgd_float(sgd_step(true), 1003, best_sgd.value.data(), best_sgd.grad.data(),
                             best_sgd.momentum.data(), nullptr);
  cpu::isa_table().lion_float(kLion, 1003, best_lion.value.data(), best_lion.grad.data(), best_lion.momentum.data(),
                              nullptr);
  for (const cpu::IsaTable* table : cpu::isa_tables()) {
    State<float> sgd(1003), lion(1003);
    table->sgd_float(sgd_step(true), 1003, sgd.value.data(), sgd.grad.data(), sgd.momentum.data(), nullptr);
    table->lion_float(kLion, 1003, lion.value.data(), lion.grad.data(), lion.momentum.data(), nullptr);
    EXPECT_TRUE(sgd == best_sgd) << table->name;
    EXPECT_TRUE(lion == best_lion) << table->name;
  }
}

}  // namespace
}  // namespace trireme::kernels
