#include "collectives/nccl/cuda_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::collectives {
namespace {

TEST(CudaLibrary, IsLookedForBesideTheProgram) {
  EXPECT_THAT(cuda_library_paths("/opt/trireme/bin"),
              testing::ElementsAre("/opt/trireme/lib/trireme/libtrireme_cuda.so", "/opt/trireme/lib/libtrireme_cuda.so",
                                   "/opt/lib/trireme/libtrireme_cuda.so"));
}

TEST(CudaLibrary, IsFoundOrTheReasonIsGiven) {
  const CudaSearch search = CudaSearch::run();
  EXPECT_EQ(search.library.has_value(), search.reason.empty());
}

TEST(CudaLibrary, OldDevicesAreRefusedByName) {
  EXPECT_EQ(refusal_of({"NVIDIA A100", "", 1, 80}), std::nullopt);
  EXPECT_EQ(refusal_of({"NVIDIA H200", "", 1, 90}), std::nullopt);
  const auto refusal = refusal_of({"Tesla V100", "", 1, 70});
  ASSERT_TRUE(refusal);
  EXPECT_THAT(*refusal, testing::HasSubstr("the GPU Tesla V100 has compute capability 7.0; Trireme needs 8.0 (A100)"));
}

}  // namespace
}  // namespace trireme::collectives
