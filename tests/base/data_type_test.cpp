#include "base/data_type.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme::base {
namespace {

TEST(DataType, SizesAndNamesAreThoseOfTheField) {
  const auto described = [](DataType type) { return name_of(type) + std::string(" ") + std::to_string(size_of(type)); };
  EXPECT_EQ(described(DataType::kFloat64), "fp64 8");
  EXPECT_EQ(described(DataType::kFloat32), "fp32 4");
  EXPECT_EQ(described(DataType::kBFloat16), "bf16 2");
  EXPECT_EQ(described(DataType::kInt64), "int64 8");
  EXPECT_EQ(described(DataType::kUInt8), "uint8 1");
}

}  // namespace
}  // namespace trireme::base
