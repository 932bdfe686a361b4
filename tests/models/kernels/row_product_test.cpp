// Products of few rows for inference: their values, and that a row's bits depend on nothing but the row and the weight.
#include "models/kernels/row_product.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

class RowProductTest : public KernelTest {
 protected:
  static at::Tensor product(const at::Tensor& x, const at::Tensor& w, const cpu::IsaTable& table) {
    at::Tensor y = at::empty({x.size(0), w.size(0)}, x.options()).fill_(77);
    row_product(x, w, y, table);
    return y;
  }
  /// The bits, so that NaN equals itself and -0 differs from 0.
  static bool same_bits(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor left = a.contiguous(), right = b.contiguous();
    return left.nbytes() == right.nbytes() &&
           std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  }
};

/// A lane adds inner / kLanes terms, at least two lanes exist, and the lanes and the rest follow.
double error_bound(at::ScalarType type, std::int64_t inner, double sum_of_magnitudes, double value) {
  const double terms = static_cast<double>(inner) / 2 + 40;
  const double wide = roundoff(wide_type(type));
  return terms * wide * sum_of_magnitudes + (type == at::kBFloat16 ? roundoff(type) * std::abs(value) * 1.01 : 0.0);
}

TEST_P(RowProductTest, EverySizeOnEveryInstructionSet) {
  for (const std::int64_t inner : {1, 7, 16, 33, 100, 769}) {
    for (const std::int64_t outputs : {1, 3, 4, 18, 67}) {
      const auto [w, w64] = random({outputs, inner});
      for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 53}) {
        const auto [x, x64] = random({rows, inner});
        const std::vector<double> expected = values(at::matmul(x64, w64.t()));
        const std::vector<double> magnitude = values(at::matmul(x64.abs(), w64.abs().t()));
        for (const cpu::IsaTable* table : cpu::isa_tables()) {
          const std::vector<double> y = values(product(x, w, *table));
          for (std::size_t i = 0; i < y.size(); ++i) {
            ASSERT_LE(std::abs(y[i] - expected[i]), error_bound(GetParam(), inner, magnitude[i], expected[i]))
                << table->name << " " << rows << " x " << inner << " x " << outputs << " element " << i;
          }
        }
      }
    }
  }
}

// The weight is large enough for blocks of it that grow, and for several threads.
TEST_P(RowProductTest, ARowsBitsDependOnNeitherItsCompanyNorTheThreads) {
  constexpr std::int64_t kMost = 53;
  for (const auto& [inner, outputs] : {std::pair<std::int64_t, std::int64_t>{203, 331}, {1024, 150}}) {
    const at::Tensor w = random({outputs, inner}).first;
    const at::Tensor x = random({kMost, inner}).first;
    for (const cpu::IsaTable* table : cpu::isa_tables()) {
      const at::Tensor alone = at::empty({kMost, outputs}, x.options());
      for (std::int64_t row = 0; row < kMost; ++row) {
        alone.narrow(0, row, 1).copy_(product(x.narrow(0, row, 1), w, *table));
      }
      for (const int threads : {1, 2, 3}) {
        const Threads limit(threads);
        for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 48, 53}) {
          for (const std::int64_t first : {std::int64_t{0}, kMost - rows}) {
            EXPECT_TRUE(same_bits(product(x.narrow(0, first, rows), w, *table), alone.narrow(0, first, rows)))
                << table->name << ", " << threads << " threads, " << rows << " rows of " << inner << " from " << first;
          }
        }
      }
    }
  }
}

TEST_P(RowProductTest, NotANumberAndInfinityReachExactlyTheirElements) {
  constexpr std::int64_t kRows = 9, kInner = 37, kOutputs = 22;
  const double infinity = std::numeric_limits<double>::infinity();
  // The places: in the first column, within vectors, and behind the last whole one.
  for (const std::int64_t column : {0, 20, 36}) {
    at::Tensor w = random({kOutputs, kInner}).first, x = random({kRows, kInner}).first;
    x[2].fill_(1);
    w[5][column].fill_(std::numeric_limits<double>::quiet_NaN());
    w[21][column].fill_(infinity);
    x[7][column].fill_(-infinity);
    for (const cpu::IsaTable* table : cpu::isa_tables()) {
      const at::Tensor y = product(x, w, *table).to(at::kDouble);
      EXPECT_EQ(y[2][21].item<double>(), infinity) << table->name;
      for (std::int64_t row = 0; row < kRows; ++row) {
        for (std::int64_t n = 0; n < kOutputs; ++n) {
          const double value = y[row][n].item<double>();
          EXPECT_EQ(std::isnan(value), n == 5) << table->name << " " << row << " " << n;
          EXPECT_EQ(std::isinf(value), n != 5 && (row == 7 || n == 21)) << table->name << " " << row << " " << n;
        }
      }
    }
  }
}

TEST_P(RowProductTest, EmptyMatrices) {
  const cpu::IsaTable& table = cpu::isa_table();
  EXPECT_EQ(product(random({0, 5}).first, random({7, 5}).first, table).numel(), 0);
  EXPECT_EQ(product(random({3, 5}).first, random({0, 5}).first, table).numel(), 0);
  for (const double y : values(product(random({3, 0}).first, random({7, 0}).first, table))) EXPECT_EQ(y, 0.0);
}

TEST_P(RowProductTest, RefusesWhatDoesNotFit) {
  at::Tensor y = random({3, 7}).first;
  EXPECT_THROW(row_product(random({3, 5}).first, random({7, 6}).first, y), base::Error);
  EXPECT_THROW(row_product(random({5, 3}).first.t(), random({7, 5}).first, y), base::Error);
}

INSTANTIATE_TEST_SUITE_P(Types, RowProductTest, ::testing::Values(at::kFloat, at::kDouble, at::kBFloat16), type_name);

}  // namespace
}  // namespace trireme::kernels
