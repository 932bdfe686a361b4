#include "models/parallel/data_type.hpp"

#include "base/error.hpp"

namespace trireme::parallel {

collectives::DataType data_type(at::ScalarType type) {
  switch (type) {
    case at::kDouble: return collectives::DataType::kFloat64;
    case at::kFloat: return collectives::DataType::kFloat32;
    case at::kBFloat16: return collectives::DataType::kBFloat16;
    case at::kLong: return collectives::DataType::kInt64;
    case at::kByte: return collectives::DataType::kUInt8;
    default: throw base::Error(base::str("ranks cannot exchange tensors of type ", at::toString(type)));
  }
}

}  // namespace trireme::parallel
