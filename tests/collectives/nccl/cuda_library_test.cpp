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

}  // namespace
}  // namespace trireme::collectives
