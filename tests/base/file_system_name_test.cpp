#include "base/file_system_name.hpp"

#include <gtest/gtest.h>

namespace trireme::base {
namespace {

TEST(FileSystemName, KnowsTheUsualOnes) {
  EXPECT_EQ(file_system_name(0x6969), "nfs");
  EXPECT_EQ(file_system_name(0x0BD00BD0), "lustre");
  EXPECT_EQ(file_system_name(0x47504653), "gpfs");
  EXPECT_EQ(file_system_name(0x12345), "0x12345");
  EXPECT_EQ(file_system_of("/proc"), "proc");
  EXPECT_EQ(file_system_of("/nowhere/at/all"), "none");
}

}  // namespace
}  // namespace trireme::base
