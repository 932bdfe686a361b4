// Every method of attention on CPU tensors: against the host's, and against the host's in fp64.
#include "models/attention/method.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.hpp"
#include "models/attention/attention.hpp"
#include "tests/models/device_operations.hpp"
#include "tests/support/random.hpp"

namespace trireme::attention {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

/// The heads of a tp rank of a model with heads of `size`.
struct Heads {
  std::int64_t query;
  std::int64_t kv;
  int rank = 0;
  int tp = 1;

  Setting setting(std::int64_t size) const {
    spec::AttentionSpec attention;
    attention.heads = query;
    attention.kv_heads = kv;
    attention.head_size = size;
    attention.scale = 1.0 / std::sqrt(static_cast<double>(size));
    return rank_setting(attention, rank, tp, at::kCPU);
  }
};
/// One head; a head of its own for each; groups; one for all; groups that tp cuts, so that the map is irregular.
const std::vector<Heads> kHeads{{1, 1}, {3, 3}, {6, 2}, {4, 1}, {8, 4, 1, 2}, {12, 3, 0, 2}, {12, 3, 1, 2}};

struct Case {
  Method method;
  at::ScalarType type;
  std::vector<std::int64_t> head_sizes;
};

void PrintTo(const Case& c, std::ostream* out) { *out << static_cast<int>(c.method) << c10::toString(c.type); }

class AttentionMethodTest : public testing::TestWithParam<Case> {
 protected:
  AttentionMethodTest() : random_(tests::seeded_random(15)) {}

  at::Tensor random(at::IntArrayRef shape) {
    std::normal_distribution<double> normal;
    at::Tensor x = at::empty(shape, at::kDouble);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<double>()[i] = normal(random_);
    return x.to(GetParam().type);
  }
  /// Relative to the largest value. In bf16 a method keeps the probabilities in bf16 or in fp32.
  static double tolerance() {
    return GetParam().type == at::kDouble ? 1e-13 : GetParam().type == at::kFloat ? 5e-6 : 3e-2;
  }
  static void expect_close(const at::Tensor& a, const at::Tensor& expected, const std::string& what) {
    ASSERT_EQ(a.sizes(), expected.sizes()) << what;
    EXPECT_LE(largest(a.to(at::kDouble).sub(expected.to(at::kDouble))), tolerance() * (1e-2 + largest(expected)))
        << what;
  }
  /// Calls check(setting, starts, length, batch).
  template <typename F>
  void for_shapes(const F& check) {
    for (const Heads& heads : kHeads) {
      for (const std::int64_t size : GetParam().head_sizes) {
        for (const std::int64_t length : {1, 2, 17, 33}) {
          for (const std::int64_t batch : {1, 3}) {
            check(heads.setting(size), at::Tensor(), length, batch);
            if (length < 33 || batch == 1) continue;
            for (const Setting& setting : other_maskings(heads.setting(size))) {
              check(setting, at::Tensor(), length, batch);
              if (GetParam().method == Method::kPlain) check(setting, documents(length, batch), length, batch);
            }
          }
        }
      }
    }
  }

  /// The setting with the other masks, windows and caps that the method knows.
  static std::vector<Setting> other_maskings(const Setting& causal) {
    std::vector<Setting> all{causal};
    all[0].mask = spec::Mask::kFull;
    if (GetParam().method == Method::kEfficient) return all;
    all.push_back(causal);
    all.back().window = 5;
    if (GetParam().method == Method::kFlash) return all;
    all.push_back(causal);
    all.back().window = 20;
    all.back().soft_cap = 0.7;
    return all;
  }

  /// Documents of 6 positions.
  static at::Tensor documents(std::int64_t length, std::int64_t batch) {
    at::Tensor starts = at::empty({batch, length}, at::kInt);
    for (std::int64_t i = 0; i < starts.numel(); ++i) {
      starts.mutable_data_ptr<std::int32_t>()[i] = static_cast<std::int32_t>(i % length / 6 * 6);
    }
    return starts;
  }

  std::mt19937 random_;
};

struct Pass {
  at::Tensor output;
  at::Tensor grad;
};

Pass pass_by(Method method, const at::Tensor& qkv, const at::Tensor& dy, const Setting& setting,
             const at::Tensor& starts) {
  const Forward result = forward(qkv, setting, starts, method);
  return {result.output_TBD, backward(dy, qkv, result, setting, starts, method)};
}

TEST_P(AttentionMethodTest, OutputAndGradientAreTheHosts) {
  for_shapes([&](const Setting& setting, const at::Tensor& starts, std::int64_t length, std::int64_t batch) {
    const at::Tensor qkv = random({length, batch, setting.width()});
    const at::Tensor dy = random({length, batch, setting.query_width()});
    const test::OperationCalls calls;
    const Pass here = pass_by(GetParam().method, qkv, dy, setting, starts);
    const Pass host = pass_by(Method::kHost, qkv, dy, setting, starts);
    const Pass exact = pass_by(Method::kHost, qkv.to(at::kDouble), dy.to(at::kDouble), setting, starts);
    EXPECT_EQ(here.output.scalar_type(), GetParam().type);
    EXPECT_EQ(here.grad.scalar_type(), GetParam().type);
    const std::string shape =
        base::str("heads ", setting.query_heads, " over ", setting.kv_heads, ", size ", setting.head_size, ", length ",
                  length, ", batch ", batch, setting.causal() ? ", causal" : ", full", ", window ", setting.window,
                  ", cap ", setting.soft_cap, starts.defined() ? ", documents" : "");
    expect_close(here.output, host.output, "output, " + shape);
    expect_close(here.output, exact.output, "exact output, " + shape);
    expect_close(here.grad, host.grad, "gradient, " + shape);
    expect_close(here.grad, exact.grad, "exact gradient, " + shape);
  });
}

std::int64_t heads_of(const c10::IValue& x, bool by_position) { return x.toTensor().size(by_position ? 2 : 1); }

TEST_P(AttentionMethodTest, OnlyFlashTakesKeysAndValuesOfGroups) {
  for_shapes([&](const Setting& setting, const at::Tensor& starts, std::int64_t length, std::int64_t batch) {
    const at::Tensor qkv = random({length, batch, setting.width()});
    const at::Tensor dy = random({length, batch, setting.query_width()});
    const test::OperationCalls calls;
    pass_by(GetParam().method, qkv, dy, setting, starts);
    if (GetParam().method == Method::kPlain) {
      EXPECT_THAT(calls.names(), IsEmpty());
      return;
    }
    const bool flash = GetParam().method == Method::kFlash;
    if (flash && setting.window > 0) {
      ASSERT_THAT(calls.names(), ElementsAre("aten::_flash_attention_forward", "aten::_flash_attention_backward"));
    } else {
      const std::string name = base::str("aten::_scaled_dot_product_", flash ? "flash" : "efficient", "_attention");
      ASSERT_THAT(calls.names(), ElementsAre(name, name + "_backward"));
    }
    const std::int64_t expected = flash && setting.regular_group() > 0 ? setting.kv_heads : setting.query_heads;
    for (const std::size_t call : {0, 1}) {
      for (const std::size_t operand : {1, 2}) {
        EXPECT_EQ(heads_of(calls.all()[call].inputs[call + operand], setting.window > 0), expected);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Methods, AttentionMethodTest,
    testing::Values(Case{Method::kPlain, at::kDouble, {1, 5, 8}}, Case{Method::kPlain, at::kFloat, {1, 5, 8}},
                    Case{Method::kPlain, at::kBFloat16, {1, 5, 8}}, Case{Method::kFlash, at::kBFloat16, {8, 24, 256}},
                    Case{Method::kEfficient, at::kFloat, {4, 20}}, Case{Method::kEfficient, at::kBFloat16, {264}}));

TEST(AttentionMethodChoice, FitsWhatTheKernelsTake) {
  Setting setting;
  const auto on_gpu = [&](at::ScalarType type, std::int64_t size) {
    setting.head_size = size;
    return method_for(true, type, setting, false);
  };
  EXPECT_EQ(method_for(false, at::kBFloat16, setting, true), Method::kHost);
  EXPECT_EQ(on_gpu(at::kBFloat16, 64), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kBFloat16, 256), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kBFloat16, 264), Method::kEfficient);
  EXPECT_EQ(on_gpu(at::kBFloat16, 60), Method::kPlain);
  EXPECT_EQ(on_gpu(at::kFloat, 4), Method::kEfficient);
  EXPECT_EQ(on_gpu(at::kFloat, 6), Method::kPlain);
  EXPECT_EQ(on_gpu(at::kDouble, 64), Method::kPlain);
  setting.window = 16;
  EXPECT_EQ(on_gpu(at::kBFloat16, 64), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kFloat, 64), Method::kPlain);
  setting.window = 0;
  setting.mask = spec::Mask::kFull;
  EXPECT_EQ(on_gpu(at::kBFloat16, 64), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kFloat, 64), Method::kEfficient);
  EXPECT_EQ(method_for(true, at::kBFloat16, setting, true), Method::kPlain);
  setting.soft_cap = 50;
  EXPECT_EQ(on_gpu(at::kBFloat16, 64), Method::kPlain);
}

TEST(AttentionMethodChoice, FusedKernelsTakeNoDocuments) {
  const Setting setting = Heads{1, 1}.setting(8);
  const at::Tensor qkv = at::zeros({4, 2, setting.width()}, at::kBFloat16);
  const at::Tensor starts = at::zeros({2, 4}, at::kInt);
  for (const Method method : {Method::kFlash, Method::kEfficient}) {
    EXPECT_THROW(forward(qkv, setting, starts, method), base::Error);
  }
}

TEST(AttentionMethodChoice, HasWords) {
  Setting setting;
  setting.head_size = 64;
  EXPECT_EQ(description(setting, at::kCUDA, at::kBFloat16), "flash attention");
  EXPECT_THAT(description(setting, at::kCPU, at::kFloat), testing::StartsWith("blockwise attention on the CPU ("));
}

}  // namespace
}  // namespace trireme::attention
