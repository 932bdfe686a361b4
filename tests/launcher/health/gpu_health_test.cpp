#include "launcher/health/gpu_health.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace trireme::launcher {
namespace {

std::unique_ptr<GpuWatch> watch(const char* words, const char* uuid = "GPU-fake") {
  ::setenv("FAKE_NVML", words, 1);
  return GpuWatch::begin(uuid, TRIREME_FAKE_NVML);
}

std::string sickness(const char* words) { return to_string(watch(words)->look()); }

TEST(GpuWatch, AHealthyGpuHasNothing) {
  EXPECT_EQ(watch("")->look(), GpuHealth());
  EXPECT_EQ(sickness(""), "");
  EXPECT_FALSE(is_broken(watch("")->look()));
}

TEST(GpuWatch, TellsWhatTheDriverTells) {
  EXPECT_EQ(sickness("ecc=1"), "1 uncorrectable memory error");
  EXPECT_EQ(
      sickness("ecc=3 pending failed"),
      "3 uncorrectable memory errors; a broken memory row without a spare one; a broken memory row that only a reset "
      "replaces");
  EXPECT_TRUE(is_broken(watch("ecc=1")->look()));
  EXPECT_TRUE(is_broken(watch("pending")->look()));
  EXPECT_EQ(sickness("throttle=0xA5"),
            "lower clocks by heat; lower clocks by a power brake");  // 1 and 4: idle, power cap
  EXPECT_FALSE(is_broken(watch("throttle=0x20")->look()));
}

TEST(GpuWatch, RemembersCriticalErrorsSinceItBegan) {
  const std::shared_ptr<GpuWatch> one = watch("xid=79");
  EXPECT_EQ(to_string(one->look()), "Xid 79");
  EXPECT_EQ(to_string(one->look()), "Xid 79");
  EXPECT_TRUE(is_broken(one->look()));
  EXPECT_EQ(gpu_remark(one), "; its GPU has Xid 79");
  EXPECT_EQ(gpu_remark(nullptr), "");
}

TEST(GpuWatch, AnOldDriverTellsLess) { EXPECT_EQ(sickness("old ecc=3 xid=79 throttle=0x20"), "lower clocks by heat"); }

TEST(GpuWatch, IsNotThereWithoutTheLibraryTheDriverOrTheGpu) {
  EXPECT_EQ(GpuWatch::begin("GPU-fake", "/nowhere/libnvidia-ml.so.1"), nullptr);
  EXPECT_EQ(watch("absent"), nullptr);
  EXPECT_EQ(watch("", "GPU-other"), nullptr);
}

}  // namespace
}  // namespace trireme::launcher
