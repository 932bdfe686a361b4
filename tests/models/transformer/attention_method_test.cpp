// Every method of attention on CPU tensors: against the host's, and against the host's in fp64.
#include "models/transformer/attention_method.hpp"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.hpp"
#include "models/transformer/attention.hpp"
#include "tests/models/device_operations.hpp"
#include "tests/support/random.hpp"

namespace trireme::transformer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Method = AttentionMethod;

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

/// The heads of a tp rank of a model with heads of `size`.
struct Heads {
  std::int64_t query;
  std::int64_t kv;
  int rank = 0;
  int tp = 1;

  HeadLayout layout(std::int64_t size) const {
    spec::ModelConfig config;
    config.arch = spec::Architecture::kLlama;
    config.heads = query;
    config.kv_heads = kv;
    config.hidden = query * size;
    return head_layout(config, rank, tp, at::kCPU);
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
  template <typename F>
  void for_shapes(const F& check) const {
    for (const Heads& heads : kHeads) {
      for (const std::int64_t size : GetParam().head_sizes) {
        for (const std::int64_t length : {1, 2, 17, 33}) {
          for (const std::int64_t batch : {1, 3}) check(heads.layout(size), length, batch);
        }
      }
    }
  }

  std::mt19937 random_;
};

struct Pass {
  at::Tensor output;
  at::Tensor grad;
};

Pass pass_by(Method method, const at::Tensor& qkv, const at::Tensor& dy, const HeadLayout& heads) {
  const AttentionForward forward = attention(qkv, heads, method);
  return {forward.output_TBD, attention_backward(dy, qkv, forward, heads, method)};
}

TEST_P(AttentionMethodTest, OutputAndGradientAreTheHosts) {
  for_shapes([&](const HeadLayout& heads, std::int64_t length, std::int64_t batch) {
    const at::Tensor qkv = random({length, batch, heads.query_width() + 2 * heads.kv_width()});
    const at::Tensor dy = random({length, batch, heads.query_width()});
    const test::OperationCalls calls;
    const Pass here = pass_by(GetParam().method, qkv, dy, heads);
    const Pass host = pass_by(Method::kHost, qkv, dy, heads);
    const Pass exact = pass_by(Method::kHost, qkv.to(at::kDouble), dy.to(at::kDouble), heads);
    EXPECT_EQ(here.output.scalar_type(), GetParam().type);
    EXPECT_EQ(here.grad.scalar_type(), GetParam().type);
    const std::string shape = base::str("heads ", heads.query_heads, " over ", heads.kv_heads, ", size ",
                                        heads.head_size, ", length ", length, ", batch ", batch);
    expect_close(here.output, host.output, "output, " + shape);
    expect_close(here.output, exact.output, "exact output, " + shape);
    expect_close(here.grad, host.grad, "gradient, " + shape);
    expect_close(here.grad, exact.grad, "exact gradient, " + shape);
  });
}

std::int64_t heads_of(const c10::IValue& x) { return x.toTensor().size(1); }

TEST_P(AttentionMethodTest, OnlyFlashTakesKeysAndValuesOfGroups) {
  for_shapes([&](const HeadLayout& heads, std::int64_t length, std::int64_t batch) {
    const at::Tensor qkv = random({length, batch, heads.query_width() + 2 * heads.kv_width()});
    const at::Tensor dy = random({length, batch, heads.query_width()});
    const test::OperationCalls calls;
    pass_by(GetParam().method, qkv, dy, heads);
    if (GetParam().method == Method::kPlain) {
      EXPECT_THAT(calls.names(), IsEmpty());
      return;
    }
    const bool flash = GetParam().method == Method::kFlash;
    const std::string name = base::str("aten::_scaled_dot_product_", flash ? "flash" : "efficient", "_attention");
    ASSERT_THAT(calls.names(), ElementsAre(name, name + "_backward"));
    const std::int64_t expected = flash && heads.regular_group() > 0 ? heads.kv_heads : heads.query_heads;
    EXPECT_EQ(heads_of(calls.all()[0].inputs[1]), expected);
    EXPECT_EQ(heads_of(calls.all()[0].inputs[2]), expected);
    EXPECT_EQ(heads_of(calls.all()[1].inputs[2]), expected);
    EXPECT_EQ(heads_of(calls.all()[1].inputs[3]), expected);
  });
}

INSTANTIATE_TEST_SUITE_P(
    Methods, AttentionMethodTest,
    testing::Values(Case{Method::kPlain, at::kDouble, {1, 5, 8}}, Case{Method::kPlain, at::kFloat, {1, 5, 8}},
                    Case{Method::kPlain, at::kBFloat16, {1, 5, 8}}, Case{Method::kFlash, at::kBFloat16, {8, 24, 256}},
                    Case{Method::kEfficient, at::kFloat, {4, 20}}, Case{Method::kEfficient, at::kBFloat16, {264}}));

TEST(AttentionMethodChoice, FitsWhatTheKernelsTake) {
  const auto on_gpu = [](at::ScalarType type, std::int64_t size) { return attention_method(true, type, size); };
  EXPECT_EQ(attention_method(false, at::kBFloat16, 64), Method::kHost);
  EXPECT_EQ(on_gpu(at::kBFloat16, 64), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kBFloat16, 256), Method::kFlash);
  EXPECT_EQ(on_gpu(at::kBFloat16, 264), Method::kEfficient);
  EXPECT_EQ(on_gpu(at::kBFloat16, 60), Method::kPlain);
  EXPECT_EQ(on_gpu(at::kFloat, 4), Method::kEfficient);
  EXPECT_EQ(on_gpu(at::kFloat, 6), Method::kPlain);
  EXPECT_EQ(on_gpu(at::kDouble, 64), Method::kPlain);
}

}  // namespace
}  // namespace trireme::transformer
