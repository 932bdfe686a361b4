// The device kernels, compiled for the host, against their twins in models/kernels/cpu.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "models/kernels/cpu/dropout.hpp"
#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/cuda/grid.cuh"
#include "models/kernels/cuda/launch.hpp"
#include "tests/fake/cuda_shim/grid.hpp"
#include "tests/support/random.hpp"

namespace trireme::kernels {
namespace {

using cuda::Element;
constexpr cudaStream_t kStream = nullptr;

/// Elements of one type in memory of just their size, so that AddressSanitizer sees an index that is too large.
class Buffer {
 public:
  Buffer(Element element, std::int64_t count) : element_(element), bytes_(static_cast<std::size_t>(count) * width()) {}

  std::int64_t count() const { return static_cast<std::int64_t>(bytes_.size() / width()); }
  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  void* from(std::int64_t index) { return bytes_.data() + static_cast<std::size_t>(index) * width(); }
  const void* from(std::int64_t index) const { return bytes_.data() + static_cast<std::size_t>(index) * width(); }
  bool operator==(const Buffer& other) const { return bytes_ == other.bytes_; }

  double at(std::int64_t index) const {
    const char* from = bytes_.data() + static_cast<std::size_t>(index) * width();
    if (element_ == Element::kDouble) return read<double>(from);
    if (element_ == Element::kFloat) return read<float>(from);
    const std::uint32_t bits = static_cast<std::uint32_t>(read<std::uint16_t>(from)) << 16;
    return read<float>(&bits);
  }
  /// `value` is cut to the element's type.
  void set(std::int64_t index, double value) {
    char* to = bytes_.data() + static_cast<std::size_t>(index) * width();
    const float narrow = static_cast<float>(value);
    if (element_ == Element::kDouble) {
      std::memcpy(to, &value, sizeof value);
    } else if (element_ == Element::kFloat) {
      std::memcpy(to, &narrow, sizeof narrow);
    } else {
      std::memcpy(to, reinterpret_cast<const char*>(&narrow) + 2, 2);
    }
  }

 private:
  std::size_t width() const { return element_ == Element::kDouble ? 8 : element_ == Element::kFloat ? 4 : 2; }
  template <typename T>
  static T read(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  Element element_;
  std::vector<char> bytes_;
};

cpu::Element host(Element element) {
  return element == Element::kFloat    ? cpu::Element::kFloat
         : element == Element::kDouble ? cpu::Element::kDouble
                                       : cpu::Element::kBFloat16;
}
Element wide(Element element) { return element == Element::kDouble ? Element::kDouble : Element::kFloat; }

class DeviceKernels : public ::testing::TestWithParam<Element> {
 protected:
  Buffer random(std::int64_t count, double scale = 1.0) {
    Buffer buffer(GetParam(), count);
    fill(buffer, scale);
    return buffer;
  }
  Buffer random_wide(std::int64_t count) {
    Buffer buffer(wide(GetParam()), count);
    fill(buffer, 1.0);
    return buffer;
  }
  Buffer nothing(std::int64_t count) { return Buffer(GetParam(), count); }

  /// A few roundings of the type, relative to the largest value.
  void expect_close(const Buffer& device, const Buffer& twin, const std::string& what) {
    const double tolerance = GetParam() == Element::kDouble ? 4e-15 : GetParam() == Element::kFloat ? 2e-6 : 1.0 / 128;
    ASSERT_EQ(device.count(), twin.count());
    double largest = 1.0;
    for (std::int64_t i = 0; i < twin.count(); ++i) largest = std::max(largest, std::abs(twin.at(i)));
    for (std::int64_t i = 0; i < twin.count(); ++i) {
      ASSERT_NEAR(device.at(i), twin.at(i), tolerance * largest) << what << ", element " << i;
    }
  }

  std::mt19937_64 engine_ = tests::seeded_random<std::mt19937_64>(71);

 private:
  void SetUp() override { tests::cuda_shim::set_seed(engine_()); }
  void fill(Buffer& buffer, double scale) {
    std::normal_distribution<double> normal(0.0, scale);
    for (std::int64_t i = 0; i < buffer.count(); ++i) buffer.set(i, normal(engine_));
  }
};

/// Rows and widths around the sizes of a warp and of a block.
struct Shape {
  std::int64_t rows, width;
};
constexpr Shape kShapes[] = {{0, 3},   {1, 1},   {1, 255}, {1, 256}, {1, 257}, {3, 1},   {2, 31},  {2, 33},  {3, 255},
                             {2, 256}, {3, 257}, {5, 511}, {257, 1}, {255, 3}, {256, 2}, {7, 129}, {1, 1000}};
std::string text(const Shape& shape) { return base::str(shape.rows, " x ", shape.width); }

TEST_P(DeviceKernels, SwigluAndItsGradientAreTheHosts) {
  for (const Shape& shape : kShapes) {
    Buffer gate_up = random(shape.rows * shape.width * 2, 3.0);
    const Buffer dy = random(shape.rows * shape.width);
    Buffer y = nothing(shape.rows * shape.width), y_twin = y;
    cuda::swiglu(GetParam(), shape.rows, shape.width, gate_up.data(), y.data(), kStream);
    cpu::isa_table().activate(host(GetParam()), spec::Activation::kSilu, true, shape.rows, shape.width, gate_up.data(),
                              nullptr, y_twin.data());
    expect_close(y, y_twin, text(shape));
    Buffer grad = nothing(gate_up.count()), grad_twin = grad;
    cuda::swiglu_backward(GetParam(), shape.rows, shape.width, dy.data(), gate_up.data(), grad.data(), kStream);
    cpu::isa_table().activate_backward(host(GetParam()), spec::Activation::kSilu, true, shape.rows, shape.width,
                                       dy.data(), gate_up.data(), grad_twin.data());
    expect_close(grad, grad_twin, text(shape));
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  }
}

TEST_P(DeviceKernels, ARotationIsTheHostsForwardsAndBackwards) {
  struct Case {
    std::int64_t length, batch, heads, head_size, half, rest;
  };
  for (const Case& c : {Case{0, 1, 1, 8, 4, 0}, Case{1, 1, 1, 2, 1, 0}, Case{3, 2, 2, 6, 3, 5}, Case{3, 2, 2, 9, 3, 5},
                        Case{1, 1, 1, 510, 255, 1}, Case{2, 1, 1, 256, 128, 0}, Case{1, 257, 1, 2, 1, 2},
                        Case{5, 3, 3, 32, 16, 64}, Case{5, 3, 3, 64, 8, 64}}) {
    const std::int64_t stride = c.heads * c.head_size + c.rest;
    const Buffer cosine = random_wide(c.length * c.half), sine = random_wide(c.length * c.half);
    for (const bool inverse : {false, true}) {
      Buffer data = random(c.length * c.batch * stride), twin = data;
      cuda::rotate(GetParam(), c.length, c.batch, stride, c.heads, c.head_size, c.half, cosine.data(), sine.data(),
                   inverse, data.data(), kStream);
      for (std::int64_t t = 0; t < c.length; ++t) {
        cpu::isa_table().rotate(host(GetParam()), c.batch, stride, c.heads, c.head_size, c.half,
                                cosine.from(t * c.half), sine.from(t * c.half), inverse ? -1.0 : 1.0,
                                twin.from(t * c.batch * stride));
      }
      expect_close(data, twin, base::str("head size ", c.head_size, " half ", c.half, " length ", c.length));
      EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    }
  }
}

TEST_P(DeviceKernels, SoftmaxAndItsGradientAreTheHosts) {
  struct Scaling {
    double scale, soft_cap;
  };
  for (const Scaling& scaling : {Scaling{1.0, 0.0}, Scaling{0.25, 0.0}, Scaling{1.0, 30.0}, Scaling{2.0, 5.0}}) {
    for (const Shape& shape : kShapes) {
      if (shape.rows > 7) continue;
      Buffer logits = random(shape.rows * shape.width, 4.0), twin = logits;
      std::vector<std::int64_t> target(shape.rows);
      std::vector<double> factor(shape.rows), at_target(shape.rows);
      for (std::int64_t row = 0; row < shape.rows; ++row) {
        const std::int64_t places[] = {-1, 0, shape.width - 1, shape.width / 2};
        target[row] = places[engine_() % 4];
        factor[row] = std::uniform_real_distribution<double>(0.1, 2.0)(engine_);
        at_target[row] = target[row] < 0 ? 0.0 : std::uniform_real_distribution<double>(0.1, 1.0)(engine_);
      }
      std::vector<double> statistics(3 * shape.rows), statistics_twin = statistics;
      cuda::softmax_statistics(GetParam(), shape.rows, shape.width, scaling.scale, scaling.soft_cap, logits.data(),
                               target.data(), statistics.data(), kStream);
      cpu::isa_table().softmax_statistics(host(GetParam()), shape.rows, shape.width, scaling.scale, scaling.soft_cap,
                                          twin.data(), target.data(), statistics_twin.data());
      for (std::int64_t row = 0; row < shape.rows; ++row) {
        // tanh is another implementation there.
        const double capped = scaling.soft_cap * (GetParam() == Element::kDouble ? 1e-15 : 4e-7);
        EXPECT_NEAR(statistics[3 * row], statistics_twin[3 * row], capped) << text(shape);
        EXPECT_NEAR(statistics[3 * row + 1], statistics_twin[3 * row + 1],
                    ((GetParam() == Element::kDouble ? 1e-14 : 2e-6) + 2 * capped) * statistics_twin[3 * row + 1])
            << text(shape);
        EXPECT_NEAR(statistics[3 * row + 2], statistics_twin[3 * row + 2], capped)
            << text(shape) << ", target " << target[row];
      }
      expect_close(logits, twin, text(shape));
      logits = twin;
      cuda::softmax_gradient(GetParam(), shape.rows, shape.width, scaling.scale, scaling.soft_cap,
                             statistics_twin.data(), target.data(), factor.data(), at_target.data(), logits.data(),
                             kStream);
      cpu::isa_table().softmax_gradient(host(GetParam()), shape.rows, shape.width, scaling.scale, scaling.soft_cap,
                                        statistics_twin.data(), target.data(), factor.data(), at_target.data(),
                                        twin.data());
      expect_close(logits, twin, text(shape));
      EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    }
  }
}

TEST_P(DeviceKernels, DropoutDropsWhatTheHostDrops) {
  struct Case {
    std::int64_t length, batch, width, first_position;
  };
  for (const Case& c : {Case{0, 2, 4, 0}, Case{1, 1, 1, 0}, Case{3, 2, 7, 5}, Case{2, 1, 257, 1}, Case{1, 255, 3, 0},
                        Case{2, 256, 2, 1000}, Case{2, 257, 3, 1}, Case{1, 600, 5, 7}}) {
    cpu::DropoutSlab slab;
    slab.batch = c.batch;
    slab.width = c.width;
    slab.first_position = c.first_position + (std::int64_t{1} << 34);  // the counter's second word counts too
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(c.batch));
    std::generate(keys.begin(), keys.end(), std::ref(engine_));
    slab.keys = keys.data();
    slab.stream[0] = 3;
    slab.stream[1] = 0xFFFFFFFF;
    slab.threshold = 0x40000000;
    slab.scale = 1.0 / 0.75;
    Buffer x = random(c.length * c.batch * c.width), twin = x;
    cuda::dropout(GetParam(), slab, c.length, x.data(), kStream);
    cpu::dropout(host(GetParam()), slab, 0, c.length * c.batch, twin.data(), twin.data());
    EXPECT_TRUE(x == twin) << c.length << " positions of " << c.batch << " sequences of width " << c.width;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  }
}

TEST_P(DeviceKernels, TheSumOfSquaresIsTheHostsWhateverTheOrderOfThreads) {
  for (const std::int64_t pieces : {0, 1, 2, 33, 40}) {
    std::vector<cuda::Piece> piece;
    std::int64_t end = 3;
    for (std::int64_t p = 0; p < pieces; ++p) {
      const std::int64_t lengths[] = {0, 1, 3, 255, 256, 257, 1001};
      piece.push_back({end, lengths[engine_() % 7]});
      end += piece.back().length + static_cast<std::int64_t>(engine_() % 5);
    }
    const Buffer data = random(end, 100.0);
    double expected = 0.0;
    for (const cuda::Piece& each : piece) {
      std::vector<double> copy;
      for (std::int64_t i = 0; i < each.length; ++i) copy.push_back(data.at(each.offset + i));
      expected += cpu::isa_table().squares_double(each.length, copy.data());
    }
    std::vector<double> sums(static_cast<std::size_t>(pieces));
    double total = -1.0, again = -1.0;
    cuda::sum_of_squares(GetParam(), data.data(), pieces, piece.data(), sums.data(), &total, kStream);
    EXPECT_NEAR(total, expected, 1e-14 * expected) << pieces << " pieces";
    cuda::sum_of_squares(GetParam(), data.data(), pieces, piece.data(), sums.data(), &again, kStream);
    EXPECT_EQ(again, total) << pieces << " pieces";
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  }
}

TEST_P(DeviceKernels, InfinityAndNaNReachTheSumOfSquares) {
  for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    Buffer data = random(1000);
    data.set(997, bad);
    const cuda::Piece piece[] = {{0, 600}, {600, 400}};
    double sums[2], total = 0.0;
    cuda::sum_of_squares(GetParam(), data.data(), 2, piece, sums, &total, kStream);
    EXPECT_TRUE(std::isfinite(sums[0]));
    EXPECT_FALSE(std::isfinite(total)) << bad;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceKernels, ::testing::Values(Element::kFloat, Element::kDouble, Element::kBFloat16),
                         [](const auto& info) {
                           return std::string(info.param == Element::kFloat    ? "fp32"
                                              : info.param == Element::kDouble ? "fp64"
                                                                               : "bf16");
                         });

// Bit for bit, since both sides are compiled without contraction.
TEST(DeviceAdamW, UpdatesEachPieceAsTheHostDoes) {
  auto engine = tests::seeded_random<std::mt19937_64>(23);
  tests::cuda_shim::set_seed(engine());
  std::vector<cuda::UpdatePiece> piece;
  std::int64_t flat = 5, packed = 0;
  for (const std::int64_t length : {1, 0, 255, 256, 257, 3, 1000, 4}) {
    piece.push_back({flat, packed, length, static_cast<std::int64_t>(piece.size() % 2)});
    flat += length + static_cast<std::int64_t>(engine() % 3);
    packed += length;
  }
  cpu::AdamWStep step{1e-2, 0.9, 0.95, 1e-8, 0.1, 1.0 - 0.9 * 0.9, 1.0 - 0.95 * 0.95, 0.37};
  const auto count = static_cast<std::int64_t>(piece.size());
  const auto random = [&]<typename T>(std::vector<T> values) {
    std::normal_distribution<double> normal;
    for (T& value : values) value = static_cast<T>(normal(engine));
    return values;
  };
  const auto compare = [&]<typename T>(T, bool masters) {
    const auto flat_size = static_cast<std::size_t>(flat), packed_size = static_cast<std::size_t>(packed);
    std::vector<T> value = random(std::vector<T>(masters ? packed_size : flat_size));
    const std::vector<T> grad = random(std::vector<T>(flat_size));
    std::vector<T> m = random(std::vector<T>(packed_size)), v = random(std::vector<T>(packed_size));
    for (T& each : v) each *= each;
    std::vector<std::uint16_t> rounded(masters ? flat_size : 0, 7);
    auto value_twin = value, m_twin = m, v_twin = v;
    auto rounded_twin = rounded;
    cuda::adamw(std::is_same_v<T, double> ? Element::kDouble : Element::kFloat, step, count, piece.data(), value.data(),
                grad.data(), m.data(), v.data(), masters ? rounded.data() : nullptr, kStream);
    for (const cuda::UpdatePiece& each : piece) {
      cpu::AdamWStep own = step;
      if (each.decay == 0) own.weight_decay = 0.0;
      T* to = value_twin.data() + (masters ? each.packed : each.flat);
      const T* from = grad.data() + each.flat;
      if constexpr (std::is_same_v<T, float>) {
        cpu::isa_table().adamw_float(own, each.length, to, from, m_twin.data() + each.packed,
                                     v_twin.data() + each.packed, masters ? rounded_twin.data() + each.flat : nullptr);
      } else {
        cpu::isa_table().adamw_double(own, each.length, to, from, m_twin.data() + each.packed,
                                      v_twin.data() + each.packed);
      }
    }
    EXPECT_EQ(value, value_twin);
    EXPECT_EQ(m, m_twin);
    EXPECT_EQ(v, v_twin);
    EXPECT_EQ(rounded, rounded_twin);
  };
  for (int update = 0; update < 3; ++update) {
    compare(0.0F, false);
    compare(0.0F, true);
    compare(0.0, false);
    step.gradient_scale = 1.0;
  }
  cuda::adamw(Element::kFloat, step, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, kStream);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(LargeGrids, AreRefusedWhereADeviceHasNotSoManyBlocks) {
  for (const std::int64_t rows : {std::int64_t{1} << 31, (std::int64_t{1} << 32) + 1}) {
    cuda::softmax_gradient(Element::kFloat, rows, 1, 1.0, 0.0, nullptr, nullptr, nullptr, nullptr, nullptr, kStream);
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration) << rows;
  }
}

template <typename Combine>
std::vector<double> over_block_calls(std::size_t calls, Combine combine) {
  std::vector<double> results(calls * cuda::kThreads);
  tests::cuda_shim::run_grid(1, cuda::kThreads, [&] {
    const std::size_t thread = threadIdx.x;
    for (std::size_t call = 0; call < calls; ++call) {
      const std::size_t varied = (thread * 37 + call * 5) % cuda::kThreads;
      const double value = static_cast<double>(varied) - 300.0 - static_cast<double>(call);
      results[call * cuda::kThreads + thread] = cuda::over_block(value, combine);
    }
  });
  return results;
}

TEST(OverBlock, EveryThreadGetsTheResultOfEachOfSeveralCalls) {
  const std::vector<double> sums = over_block_calls(4, cuda::Sum{}), largest = over_block_calls(4, cuda::Maximum{});
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t index = i / cuda::kThreads;
    const auto call = static_cast<double>(index);
    ASSERT_EQ(sums[i], 255 * 128 - 256 * (300 + call));
    ASSERT_EQ(largest[i], 255 - 300 - call);
  }
}

// More elements than a grid has threads, and more pieces than it has blocks.
TEST(LargeGrids, AreDoneInSeveralRounds) {
  if (tests::cuda_shim::kFindsRaces) GTEST_SKIP() << "17 million fibers take minutes with ThreadSanitizer";
  constexpr std::int64_t kRows = 65536 + 3, kWidth = 257;
  std::vector<std::uint16_t> gate_up(static_cast<std::size_t>(2 * kRows * kWidth));
  for (std::size_t i = 0; i < gate_up.size(); ++i) {
    gate_up[i] =
        static_cast<std::uint16_t>(0x3F00 + i * 7 % 251 + (i % 3 == 0 ? 0x8000 : 0));  // 0.5 to 2, some negative
  }
  std::vector<std::uint16_t> y(gate_up.size() / 2), twin(gate_up.size() / 2);
  cuda::swiglu(Element::kBFloat16, kRows, kWidth, gate_up.data(), y.data(), kStream);
  cpu::isa_table().activate(cpu::Element::kBFloat16, spec::Activation::kSilu, true, kRows, kWidth, gate_up.data(),
                            nullptr, twin.data());
  int most = 0;
  for (std::size_t i = 0; i < y.size(); ++i) most = std::max(most, std::abs(y[i] - twin[i]));
  EXPECT_LE(most, 1);  // neighbours in bf16

  const std::vector<float> data(5000, 0.5F);
  std::vector<cuda::Piece> piece;
  for (std::int64_t p = 0; p < 2100; ++p) piece.push_back({2 * p, 1 + p % 2});
  std::vector<double> sums(piece.size());
  double total = 0.0;
  cuda::sum_of_squares(Element::kFloat, data.data(), 2100, piece.data(), sums.data(), &total, kStream);
  EXPECT_EQ(total, 0.25 * 3150);
}

}  // namespace
}  // namespace trireme::kernels
