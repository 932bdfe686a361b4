#include "base/data_type.hpp"

#include "base/error.hpp"

namespace trireme::base {

std::size_t size_of(DataType type) {
  switch (type) {
    case DataType::kFloat64:
    case DataType::kInt64: return 8;
    case DataType::kFloat32: return 4;
    case DataType::kBFloat16: return 2;
    case DataType::kUInt8: return 1;
  }
  throw Error("unknown data type");
}

const char* name_of(DataType type) {
  switch (type) {
    case DataType::kFloat64: return "fp64";
    case DataType::kFloat32: return "fp32";
    case DataType::kBFloat16: return "bf16";
    case DataType::kInt64: return "int64";
    case DataType::kUInt8: return "uint8";
  }
  return "?";
}

}  // namespace trireme::base
