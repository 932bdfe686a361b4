// Initial values are drawn by several threads, and their bits do not depend on how many.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "base/normal.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::parallel {
namespace {

/// Restores the number of LibTorch's threads.
class Threads {
 public:
  explicit Threads(int number) : before_(at::get_num_threads()) { at::set_num_threads(number); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

Parameter part(const topology::Shape& shape, const topology::Box& box, double deviation) {
  Parameter parameter;
  parameter.tensor.name = "layers.3.mlp.down.weight";
  parameter.tensor.shape = shape;
  parameter.tensor.initial = spec::Initial::kNormal;
  parameter.tensor.deviation = deviation;
  parameter.box = box;
  return parameter;
}

TEST(InitialValues, AreThoseOfTheirIndicesWhateverTheThreads) {
  constexpr std::int64_t kWide = 41;  // odd: a row begins in the middle of a pair of draws
  for (const topology::Box& box : {topology::Box{{0, 0}, {300, kWide}}, topology::Box{{7, 5}, {201, 17}},
                                   topology::Box{{299, 0}, {1, kWide}}, topology::Box{{0, 40}, {300, 1}}}) {
    const Parameter parameter = part({300, kWide}, box, 0.02);
    for (const int threads : {1, 2, 5}) {
      const Threads used(threads);
      const at::Tensor values = initial_values(parameter, 11);
      const auto* at = values.const_data_ptr<double>();
      for (std::int64_t row = 0; row < box.size[0]; ++row) {
        for (std::int64_t column = 0; column < box.size[1]; ++column, ++at) {
          const std::int64_t index = (box.offset[0] + row) * kWide + box.offset[1] + column;
          ASSERT_EQ(*at, 0.02 * base::standard_normal(11, parameter.tensor.name, static_cast<std::uint64_t>(index)))
              << row << ", " << column << " with " << threads << " thread(s)";
        }
      }
    }
  }
}

TEST(InitialValues, OfAVectorAndOfNothing) {
  const at::Tensor vector = initial_values(part({9}, {{2}, {5}}, 1), 1);
  EXPECT_EQ(vector.const_data_ptr<double>()[4], base::standard_normal(1, "layers.3.mlp.down.weight", 6));
  EXPECT_EQ(initial_values(part({9, 4}, {{2, 0}, {0, 4}}, 1), 1).numel(), 0);
}

}  // namespace
}  // namespace trireme::parallel
