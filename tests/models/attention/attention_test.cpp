// Attention on the CPU against products in fp64 that hold all scores, differentiated by LibTorch: every instruction set
// of this machine, every mask, type and map of heads.
#include "models/attention/attention.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.hpp"
#include "models/attention/device_cached.hpp"
#include "models/attention/host.hpp"
#include "tests/support/random.hpp"

namespace trireme::attention {
namespace {

using kernels::cpu::IsaTable;
using Map = std::vector<std::int64_t>;

struct Problem {
  Setting setting;
  std::int64_t length = 0;
  std::int64_t batch = 0;
  at::Tensor starts;

  std::string text() const {
    return base::str("length ", length, ", batch ", batch, ", heads ", setting.query_heads, " over ", setting.kv_heads,
                     " of size ", setting.head_size, setting.causal() ? ", causal" : ", full", ", window ",
                     setting.window, ", cap ", setting.soft_cap, starts.defined() ? ", documents" : "");
  }
};

Setting heads(const Map& kv_of_query, std::int64_t head_size) {
  Setting setting;
  setting.query_heads = static_cast<std::int64_t>(kv_of_query.size());
  setting.kv_heads = kv_of_query.back() + 1;
  setting.head_size = head_size;
  setting.kv_of_query = kv_of_query;
  setting.scale = 1.0 / std::sqrt(static_cast<double>(head_size));
  return setting;
}

/// What is compared: all in fp64.
struct Results {
  at::Tensor output;
  at::Tensor log_sum_exp;
  at::Tensor grad;
};

/// Whether the query at position p sees the key.
at::Tensor visible(const Problem& problem) {
  const std::int64_t n = problem.length;
  at::Tensor seen = at::zeros({problem.batch, 1, n, n}, at::kBool);
  bool* to = seen.mutable_data_ptr<bool>();
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    for (std::int64_t p = 0; p < n; ++p) {
      for (std::int64_t key = 0; key < n; ++key, ++to) {
        const bool past = problem.setting.mask == spec::Mask::kFull || key <= p;
        const bool near = problem.setting.window == 0 || p - key < problem.setting.window;
        bool together = true;
        if (problem.starts.defined()) {
          const auto* of = problem.starts.const_data_ptr<std::int32_t>() + b * n;
          together = of[p] == of[key];
        }
        *to = past && near && together;
      }
    }
  }
  return seen;
}

Results expected(const Problem& problem, const at::Tensor& qkv_TBC, const at::Tensor& grad_TBD) {
  const Setting& s = problem.setting;
  const at::Tensor x = qkv_TBC.to(at::kDouble).clone().set_requires_grad(true);
  const auto by_head = [&](std::int64_t first, std::int64_t count) {
    return x.narrow(2, first, count * s.head_size).unflatten(2, {count, s.head_size}).permute({1, 2, 0, 3});
  };
  const at::Tensor index = at::tensor(s.kv_of_query, at::kLong);
  const at::Tensor q = by_head(0, s.query_heads);
  const at::Tensor k = by_head(s.query_width(), s.kv_heads).index_select(1, index);
  const at::Tensor v = by_head(s.query_width() + s.kv_width(), s.kv_heads).index_select(1, index);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3)).mul(s.scale);
  if (s.soft_cap > 0) scores = scores.div(s.soft_cap).tanh().mul(s.soft_cap);
  scores = scores.masked_fill(visible(problem).logical_not(), -std::numeric_limits<double>::infinity());
  const at::Tensor output = at::matmul(at::softmax(scores, 3), v).permute({2, 0, 1, 3}).flatten(2, 3);
  output.backward(grad_TBD.to(at::kDouble));
  return {output.detach(), at::logsumexp(scores, {3}).detach(), x.grad()};
}

Results actual(const Problem& problem, const at::Tensor& qkv_TBC, const at::Tensor& grad_TBD, const IsaTable& table) {
  const Forward forward = host_forward(qkv_TBC, problem.setting, problem.starts, table);
  const at::Tensor grad = host_backward(grad_TBD, qkv_TBC, forward, problem.setting, problem.starts, table);
  EXPECT_EQ(forward.output_TBD.scalar_type(), qkv_TBC.scalar_type());
  EXPECT_EQ(grad.scalar_type(), qkv_TBC.scalar_type());
  return {forward.output_TBD.to(at::kDouble), forward.log_sum_exp_BHT.to(at::kDouble), grad.to(at::kDouble)};
}

/// Gives the positions of `qkv` in steps of some lengths to host_cached, all its sequences together.
at::Tensor in_steps(const at::Tensor& qkv, const Setting& s, const std::vector<std::int64_t>& steps,
                    const IsaTable& table) {
  const std::int64_t batch = qkv.size(1);
  const at::Tensor keys = qkv.narrow(2, s.query_width(), s.kv_width());
  const at::Tensor values = qkv.narrow(2, s.query_width() + s.kv_width(), s.kv_width());
  std::vector<at::Tensor> outputs;
  std::int64_t past = 0;
  for (const std::int64_t step : steps) {
    std::vector<CachedSequence> sequences;
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto cache = [&](const at::Tensor& kv) { return kv.select(1, b).narrow(0, 0, past + step); };
      sequences.push_back({b * step, step, cache(keys), cache(values)});
    }
    const at::Tensor rows = qkv.narrow(0, past, step).transpose(0, 1).contiguous().flatten(0, 1);
    outputs.push_back(host_cached(rows, sequences, s, table).unflatten(0, {batch, step}).transpose(0, 1));
    past += step;
  }
  return at::cat(outputs, 0).to(at::kDouble);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

/// Bounds of errors, relative to the largest value of the tensor plus 1. fp64 and fp32: sums of up to 256 products in
/// any order are off by some tens of units in the last place (2^-53, 2^-24), and the gradients multiply that by the
/// spread of the scores. bf16: inputs are the same, sums are fp32, so the output's rounding (2^-9) dominates; gradients
/// see the rounded output through output_grad . output, and are rounded themselves: twice 2^-9, and for sums over
/// positions some more.
struct Bounds {
  double output;
  double log_sum_exp;
  double grad;
};
Bounds bounds(at::ScalarType type) {
  if (type == at::kDouble) return {1e-13, 1e-13, 1e-12};
  if (type == at::kFloat) return {2e-6, 2e-6, 1e-5};
  return {2.0 / 512, 2e-6, 6.0 / 512};
}

class AttentionTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  AttentionTest() : random_(tests::seeded_random(15)) {}

  at::Tensor random(at::IntArrayRef shape, at::ScalarType type = GetParam()) {
    std::normal_distribution<double> normal;
    at::Tensor x = at::empty(shape, at::kDouble);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<double>()[i] = normal(random_);
    return x.to(type);
  }

  /// Starts of documents of random lengths, 20 positions in the mean.
  at::Tensor random_starts(std::int64_t batch, std::int64_t length) {
    at::Tensor starts = at::empty({batch, length}, at::kInt);
    auto* to = starts.mutable_data_ptr<std::int32_t>();
    for (std::int64_t b = 0; b < batch; ++b) {
      for (std::int64_t p = 0; p < length; ++p, ++to) {
        *to = p == 0 || random_() % 20 == 0 ? static_cast<std::int32_t>(p) : to[-1];
      }
    }
    return starts;
  }

  void expect_exact(const Problem& problem) {
    const Setting& s = problem.setting;
    const at::Tensor qkv = random({problem.length, problem.batch, s.width()});
    const at::Tensor grad = random({problem.length, problem.batch, s.query_width()});
    const Results wanted = expected(problem, qkv, grad);
    const Bounds bound = bounds(GetParam());
    for (const IsaTable* table : kernels::cpu::isa_tables()) {
      const Results got = actual(problem, qkv, grad, *table);
      const auto expect = [&](const at::Tensor& a, const at::Tensor& b, double limit, const char* what) {
        ASSERT_EQ(a.sizes(), b.sizes());
        EXPECT_LE(largest(a.sub(b)), limit * (1.0 + largest(b)))
            << what << ", " << table->name << ", " << problem.text();
      };
      expect(got.output, wanted.output, bound.output, "output");
      expect(got.log_sum_exp, wanted.log_sum_exp, bound.log_sum_exp, "log-sum-exp");
      const auto part = [&](const at::Tensor& x, std::int64_t first, std::int64_t width) {
        return x.narrow(2, first, width);
      };
      const std::int64_t q = s.query_width(), kv = s.kv_width();
      expect(part(got.grad, 0, q), part(wanted.grad, 0, q), bound.grad, "gradient of queries");
      expect(part(got.grad, q, kv), part(wanted.grad, q, kv), bound.grad, "gradient of keys");
      expect(part(got.grad, q + kv, kv), part(wanted.grad, q + kv, kv), bound.grad, "gradient of values");
    }
  }

  void expect_same_bits(const Problem& problem) {
    const int before = omp_get_max_threads();
    const at::Tensor qkv = random({problem.length, problem.batch, problem.setting.width()});
    const at::Tensor grad = random({problem.length, problem.batch, problem.setting.query_width()});
    const std::vector<std::int64_t> steps{problem.length - 3, 1, 2};
    for (const IsaTable* table : kernels::cpu::isa_tables()) {
      omp_set_num_threads(1);
      const Results one = actual(problem, qkv, grad, *table);
      const at::Tensor one_cached = in_steps(qkv, problem.setting, steps, *table);
      for (const int threads : {2, 3, 16}) {
        omp_set_num_threads(threads);
        const Results more = actual(problem, qkv, grad, *table);
        const std::string where = base::str(threads, " threads, ", table->name, ", ", problem.text());
        EXPECT_TRUE(more.output.equal(one.output)) << where;
        EXPECT_TRUE(more.log_sum_exp.equal(one.log_sum_exp)) << where;
        EXPECT_TRUE(more.grad.equal(one.grad)) << where;
        EXPECT_TRUE(in_steps(qkv, problem.setting, steps, *table).equal(one_cached)) << where;
      }
    }
    omp_set_num_threads(before);
  }

  std::mt19937 random_;
};

const std::vector<std::int64_t> kLengths{1, 2, 17, 63, 64, 65, 200};

TEST_P(AttentionTest, CausalOfEveryLength) {
  for (const std::int64_t length : kLengths) expect_exact({heads({0, 0, 1}, 24), length, 2, {}});
}

TEST_P(AttentionTest, FullOfEveryLength) {
  for (const std::int64_t length : kLengths) {
    Problem problem{heads({0, 1}, 24), length, 2, {}};
    problem.setting.mask = spec::Mask::kFull;
    expect_exact(problem);
  }
}

TEST_P(AttentionTest, WindowsOfEveryLength) {
  for (const std::int64_t length : kLengths) {
    for (const std::int64_t window : {1, 5, 64, 100, 300}) {
      Problem problem{heads({0}, 8), length, 1, {}};
      problem.setting.window = window;
      expect_exact(problem);
    }
  }
}

TEST_P(AttentionTest, SoftCapsOfEveryLength) {
  for (const std::int64_t length : kLengths) {
    Problem problem{heads({0, 0}, 8), length, 1, {}};
    problem.setting.scale = 2.0;
    problem.setting.soft_cap = 3.0;
    expect_exact(problem);
    problem.setting.window = 40;
    expect_exact(problem);
  }
}

/// The setting with every mask, causal first.
std::vector<Setting> masked(const Setting& causal) {
  std::vector<Setting> all(4, causal);
  all[1].window = 20;
  all[1].soft_cap = 2.0;
  all[2].mask = spec::Mask::kFull;
  all[3].mask = spec::Mask::kFull;
  all[3].soft_cap = 2.0;
  return all;
}

TEST_P(AttentionTest, DocumentsWithEveryMask) {
  for (const std::int64_t length : kLengths) {
    for (const Setting& setting : masked(heads({0, 0}, 8))) {
      expect_exact({setting, length, 3, random_starts(3, length)});
    }
  }
}

/// Starts of one sequence of documents of these lengths.
at::Tensor starts_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int32_t> starts;
  for (const std::int64_t length : lengths) {
    starts.insert(starts.end(), static_cast<std::size_t>(length), static_cast<std::int32_t>(starts.size()));
  }
  return at::tensor(starts, at::kInt).unsqueeze(0);
}

TEST_P(AttentionTest, DocumentsThatBeginAndEndWithBlocks) {
  for (const std::vector<std::int64_t>& lengths :
       {std::vector<std::int64_t>{200}, {64, 64, 72}, {128, 72}, {1, 199}, {199, 1}, {63, 65, 72}, {16, 48, 136}}) {
    for (const Setting& setting : masked(heads({0, 0, 1}, 8))) expect_exact({setting, 200, 1, starts_of(lengths)});
  }
}

// Where documents fill whole strips of queries, keys of others are not computed with: a product with a probability of 0
// would hand on what is not a number.
TEST_P(AttentionTest, KeysOfOtherDocumentsCostNothing) {
  const at::Tensor starts = starts_of({48, 96, 160, 16});
  for (const Setting& setting : masked(heads({0, 0, 1}, 24))) {
    const Problem problem{setting, 320, 1, starts};
    const at::Tensor qkv = random({320, 1, setting.width()});
    const at::Tensor grad = random({320, 1, setting.query_width()});
    at::Tensor broken = qkv.clone();
    broken.narrow(0, 48, 96).fill_(std::numeric_limits<double>::quiet_NaN());
    for (const IsaTable* table : kernels::cpu::isa_tables()) {
      const Results sound = actual(problem, qkv, grad, *table);
      const Results got = actual(problem, broken, grad, *table);
      for (const auto& [first, count] : {std::pair{0, 48}, {144, 176}}) {
        const auto same = [first = first, count = count](const at::Tensor& a, const at::Tensor& b) {
          return a.narrow(0, first, count).equal(b.narrow(0, first, count));
        };
        EXPECT_TRUE(same(got.output, sound.output)) << table->name << ", from " << first << ", " << problem.text();
        EXPECT_TRUE(same(got.grad, sound.grad)) << table->name << ", from " << first << ", " << problem.text();
      }
      EXPECT_TRUE(got.output.narrow(0, 48, 96).isnan().all().item<bool>()) << table->name;
    }
  }
}

TEST_P(AttentionTest, EveryHeadSize) {
  for (const std::int64_t size : {4, 8, 24, 64, 80, 128, 256}) expect_exact({heads({0, 1}, size), 65, 1, {}});
}

TEST_P(AttentionTest, EveryMapOfHeads) {
  for (const Map& map : std::vector<Map>{{0}, {0, 1, 2}, {0, 0, 0, 0}, {0, 0, 1, 1}, {0, 0, 1}, {0, 1, 1}, {1, 0, 1}}) {
    expect_exact({heads(map, 8), 70, 2, {}});
  }
}

/// Maps of few key/value heads, whose query heads are divided; in the last ones a group has several heads.
const std::vector<Map> kFewKeyHeads{
    {0, 0, 0, 0},          {0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 1, 1},
    {1, 0, 1, 0, 1, 1, 1}, Map(20, 0),         {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

TEST_P(AttentionTest, FewKeyHeads) {
  for (const Map& map : kFewKeyHeads) expect_exact({heads(map, 24), 130, 1, random_starts(1, 130)});
}

TEST_P(AttentionTest, BitsOfFewKeyHeadsDoNotDependOnThreads) {
  for (const Map& map : kFewKeyHeads) expect_same_bits({heads(map, 24), 150, 1, random_starts(1, 150)});
}

TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  Problem problem{heads({0}, 8), 70, 1, {}};
  problem.setting.scale = 300.0;
  const at::Tensor qkv = random({70, 1, problem.setting.width()});
  for (const IsaTable* table : kernels::cpu::isa_tables()) {
    const Results got = actual(problem, qkv, qkv.narrow(2, 0, 8), *table);
    EXPECT_TRUE(got.output.isfinite().all().item<bool>()) << table->name;
    EXPECT_TRUE(got.grad.isfinite().all().item<bool>()) << table->name;
    EXPECT_LE(largest(got.output), largest(qkv.to(at::kDouble))) << table->name;
  }
}

TEST_P(AttentionTest, BitsDoNotDependOnThreads) {
  expect_same_bits({heads({0, 0, 1}, 24), 300, 2, random_starts(2, 300)});
  expect_same_bits({heads({0, 1}, 24), 300, 2, {}});
}

TEST_P(AttentionTest, CachedEqualsUncached) {
  for (const std::int64_t window : {0, 1, 33, 90}) {
    for (const double cap : {0.0, 2.0}) {
      Problem problem{heads({0, 0, 1}, 24), 150, 2, {}};
      problem.setting.window = window;
      problem.setting.soft_cap = cap;
      const at::Tensor qkv = random({150, 2, problem.setting.width()});
      const Results wanted = expected(problem, qkv, random({150, 2, problem.setting.query_width()}));
      for (const IsaTable* table : kernels::cpu::isa_tables()) {
        const at::Tensor got = in_steps(qkv, problem.setting, {70, 1, 1, 7, 8, 62, 1}, *table);
        EXPECT_LE(largest(got.sub(wanted.output)), bounds(GetParam()).output * (1.0 + largest(wanted.output)))
            << table->name << ", " << problem.text();
      }
    }
  }
}

// What devices do is what the host does.
TEST_P(AttentionTest, CachedSequencesByOperations) {
  for (const std::int64_t window : {0, 5}) {
    for (const double cap : {0.0, 2.0}) {
      for (const Map& map : {Map{0, 1}, Map{0, 0, 1, 1}, Map{0, 0, 0, 1}}) {
        Setting setting = heads(map, 16);
        if (setting.regular_group() == 0) setting.kv_index = at::tensor(map, at::kLong);
        setting.window = window;
        setting.soft_cap = cap;
        std::vector<CachedSequence> sequences;
        std::int64_t rows = 0;
        for (const auto& [past, count] : {std::pair{0, 9}, {12, 1}, {3, 4}, {0, 1}, {70, 20}}) {
          const at::Tensor keys = random({past + count, setting.kv_width()});
          sequences.push_back({rows, count, keys, random({past + count, setting.kv_width()})});
          rows += count;
        }
        const at::Tensor qkv = random({rows, setting.width()});
        const at::Tensor wanted = cached(qkv, sequences, setting).to(at::kDouble);
        const at::Tensor found = device_cached(qkv, sequences, setting).to(at::kDouble);
        EXPECT_LE(largest(found.sub(wanted)), 4 * bounds(GetParam()).output * (1.0 + largest(wanted)))
            << "window " << window << ", cap " << cap << ", heads " << map.size();
      }
    }
  }
}

TEST_P(AttentionTest, ChoosesTheHostsKernels) {
  const Problem problem{heads({0, 0, 1}, 24), 30, 2, random_starts(2, 30)};
  const at::Tensor qkv = random({30, 2, problem.setting.width()});
  const at::Tensor grad = random({30, 2, problem.setting.query_width()});
  const Forward forward = attention::forward(qkv, problem.setting, problem.starts);
  const Results best = actual(problem, qkv, grad, kernels::cpu::isa_table());
  EXPECT_TRUE(forward.output_TBD.to(at::kDouble).equal(best.output));
  EXPECT_TRUE(backward(grad, qkv, forward, problem.setting, problem.starts).to(at::kDouble).equal(best.grad));
}

/// With all scores near 5 caps the gradients of queries and keys are 2e-4 of those without a cap, and 1 - tanh^2 from a
/// rounded tanh is off by 2^-24 / 1.8e-4, less than 0.1 percent: the gradients still have their direction.
TEST(Attention, GradientsOfSaturatedScores) {
  std::mt19937 random = tests::seeded_random(16);
  std::normal_distribution<double> normal;
  Problem problem{heads({0, 0}, 8), 100, 1, {}};
  const Setting& s = problem.setting;
  problem.setting.scale = 1.0;
  problem.setting.soft_cap = 8.0 / 5;
  at::Tensor qkv = at::empty({100, 1, s.width()}, at::kFloat);
  for (std::int64_t i = 0; i < qkv.numel(); ++i) {
    const bool value = i % s.width() >= s.query_width() + s.kv_width();
    qkv.mutable_data_ptr<float>()[i] = static_cast<float>(value ? normal(random) : 1.0 + 0.02 * normal(random));
  }
  at::Tensor grad = at::empty({100, 1, s.query_width()}, at::kFloat);
  for (std::int64_t i = 0; i < grad.numel(); ++i)
    grad.mutable_data_ptr<float>()[i] = static_cast<float>(normal(random));
  const std::int64_t scored = s.query_width() + s.kv_width();
  const at::Tensor wanted = expected(problem, qkv, grad).grad.narrow(2, 0, scored);
  for (const IsaTable* table : kernels::cpu::isa_tables()) {
    const at::Tensor got = actual(problem, qkv, grad, *table).grad.narrow(2, 0, scored);
    EXPECT_LE(largest(got.sub(wanted)), 1e-3 * largest(wanted)) << table->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionTest, testing::Values(at::kDouble, at::kFloat, at::kBFloat16));

TEST(Attention, RefusesWhatDoesNotFit) {
  const Setting setting = heads({0}, 8);
  const at::Tensor qkv = at::zeros({4, 2, setting.width()});
  EXPECT_THROW(host_forward(at::zeros({4, 2, 23}), setting, {}), base::Error);
  EXPECT_THROW(host_forward(qkv.transpose(0, 1), setting, {}), base::Error);
  EXPECT_THROW(host_forward(qkv, setting, at::zeros({4, 2}, at::kInt)), base::Error);
  EXPECT_THROW(host_forward(qkv, setting, at::zeros({2, 4}, at::kLong)), base::Error);
  EXPECT_NO_THROW(host_forward(qkv, setting, at::zeros({2, 4}, at::kInt)));
  const at::Tensor rows = qkv.select(1, 0).contiguous();
  const at::Tensor cache = at::zeros({5, setting.kv_width()});
  EXPECT_NO_THROW(cached(rows, {{0, 3, cache, cache}, {3, 1, cache, cache}}, setting));
  EXPECT_THROW(cached(rows, {{0, 4, cache.narrow(0, 0, 3), cache.narrow(0, 0, 3)}}, setting), base::Error);
  EXPECT_THROW(cached(rows, {{0, 3, cache, cache}}, setting), base::Error);
  EXPECT_THROW(cached(rows, {{0, 3, cache, cache}, {2, 1, cache, cache}}, setting), base::Error);
}

TEST(AttentionSetting, GivesEachRankItsKeyHeads) {
  spec::AttentionSpec attention;
  attention.heads = 12;
  attention.kv_heads = 3;
  attention.head_size = 8;
  const Setting first = rank_setting(attention, 0, 2, at::kCPU);
  EXPECT_EQ(first.kv_of_query, (Map{0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(first.kv_heads, 2);
  EXPECT_EQ(first.regular_group(), 0);
  EXPECT_EQ(first.kv_index.size(0), 6);
  const Setting second = rank_setting(attention, 1, 2, at::kCPU);
  EXPECT_EQ(second.kv_of_query, (Map{0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(rank_setting(attention, 2, 3, at::kCPU).regular_group(), 4);
  attention.mask = spec::Mask::kFull;
  attention.window = 4;
  EXPECT_THROW(rank_setting(attention, 0, 1, at::kCPU), base::Error);
}

}  // namespace
}  // namespace trireme::attention
