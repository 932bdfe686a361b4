// The stand-in for CUDA itself: what it promises to the tests of the device kernels.
#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "tests/support/random.hpp"

namespace trireme::tests::cuda_shim {
namespace {

TEST(Grid, RunsEveryThreadOfEveryBlockOnce) {
  std::vector<int> runs(192);
  run_grid(3, 64, [&] {
    EXPECT_EQ(gridDim.x, 3U);
    EXPECT_EQ(blockDim.x, 64U);
    ++runs[blockIdx.x * blockDim.x + threadIdx.x];
  });
  EXPECT_THAT(runs, ::testing::Each(1));
}

TEST(Grid, ABarrierHoldsEveryThreadOfTheBlock) {
  std::vector<int> value(96);
  for (int block = 0; block < 3; ++block) {
    run_grid(2, 96, [&] {
      for (int round = 1; round <= 4; ++round) {
        value[threadIdx.x] = round;
        __syncthreads();
        EXPECT_EQ(value[(threadIdx.x + 50) % 96], round);
        __syncthreads();
      }
    });
  }
}

TEST(Grid, AShuffleReadsALaneAboveInTheWarp) {
  std::vector<double> got(64);
  run_grid(1, 64, [&] {
    const double first = __shfl_down_sync(0xFFFFFFFF, static_cast<double>(threadIdx.x), 3);
    got[threadIdx.x] = __shfl_down_sync(0xFFFFFFFF, first, 16);
  });
  for (int thread = 0; thread < 64; ++thread) {
    int lane = thread % 32;
    if (lane + 16 < 32) lane += 16;
    if (lane + 3 < 32) lane += 3;
    EXPECT_EQ(got[thread], thread / 32 * 32 + lane);
  }
}

TEST(Grid, EndsTheProgramWhereThreadsMeetDifferentBarriers) {
  const auto some_leave = [] {
    run_grid(1, 64, [] {
      if (threadIdx.x != 40) __syncthreads();
    });
  };
  EXPECT_DEATH(some_leave(), "block 0 waits at a barrier that other threads never reach");
  const auto later = [] {
    run_grid(2, 64, [] {
      if (blockIdx.x == 1 && threadIdx.x == 7) __syncthreads();
    });
  };
  EXPECT_DEATH(later(), "thread 7 of block 1 waits at a barrier");
}

TEST(Grid, RefusesWhatADeviceRefuses) {
  void (*const kernel)(int) = [](int) {};
  cudaLaunchConfig_t config;
  config.gridDim = 0;
  config.blockDim = 32;
  EXPECT_EQ(cudaLaunchKernelEx(&config, kernel, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

/// Sums 64 ones by halving, without the barrier between two halvings when `forgetful`.
double sum_by_halving(bool forgetful) {
  std::vector<double> shared(64);
  double sum = 0.0;
  run_grid(1, 64, [&] {
    shared[threadIdx.x] = 1.0;
    __syncthreads();
    for (unsigned step = 32; step > 0; step /= 2) {
      if (threadIdx.x < step) shared[threadIdx.x] += shared[threadIdx.x + step];
      if (!forgetful) __syncthreads();
    }
    if (threadIdx.x == 0) sum = shared[0];
  });
  return sum;
}

TEST(Grid, ShowsAMissingBarrier) {
  set_seed(seeded_random(5)());
  for (int i = 0; i < 20; ++i) ASSERT_EQ(sum_by_halving(false), 64.0);
  if (kFindsRaces) {
    EXPECT_EXIT((sum_by_halving(true), std::exit(0)), ::testing::ExitedWithCode(66), "data race");
  } else {
    int wrong = 0;
    for (int i = 0; i < 20; ++i) wrong += sum_by_halving(true) != 64.0;
    EXPECT_GT(wrong, 15);
  }
}

TEST(Grid, ShowsTwoBlocksThatWriteTheSamePlace) {
  const auto run = [] {
    int place = 0;
    run_grid(2, 32, [&] {
      if (threadIdx.x == blockIdx.x) place = 1;
    });
    std::exit(place == 1 ? 0 : 1);
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(kFindsRaces ? 66 : 0), kFindsRaces ? "data race" : "");
}

float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  auto engine = seeded_random(17);
  std::vector<std::uint32_t> patterns = {0, 0x80000000, 1, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000, 0xFF800000};
  for (int i = 0; i < 100000; ++i) {
    const auto bits = static_cast<std::uint32_t>(engine());
    patterns.push_back(bits);
    patterns.push_back((bits & 0xFFFF0000) | 0x8000);
    patterns.push_back((bits & 0xFFFF0000) | 0x7FFF);
    patterns.push_back((bits & 0xFFFF0000) | 0x8001);
  }
  for (const std::uint32_t bits : patterns) {
    const float x = float_of(bits);
    const __nv_bfloat16 rounded = __float2bfloat16_rn(x);
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(__bfloat162float(rounded)));
      continue;
    }
    // The candidates are the two neighbours of 16 bits; beyond the largest lies infinity at the next power of two.
    const std::uint32_t toward_zero = bits & 0xFFFF0000;
    const auto place = [](std::uint32_t b) {
      return (b & 0x7FFFFFFF) == 0x7F800000 ? std::copysign(std::ldexp(1.0, 128), float_of(b)) : double{float_of(b)};
    };
    if (std::isinf(x)) {
      EXPECT_EQ(__bfloat162float(rounded), x);
      continue;
    }
    const double below = std::abs(double{x} - place(toward_zero));
    const double above = std::abs(place(toward_zero + 0x10000) - double{x});
    const bool up = above < below || (above == below && (toward_zero >> 16) % 2 == 1);
    ASSERT_EQ(rounded.bits, (toward_zero >> 16) + (up ? 1 : 0)) << std::hex << bits;
  }
}

}  // namespace
}  // namespace trireme::tests::cuda_shim
