// Converts a tensor's element type to the one that collectives use.
#pragma once

#include <ATen/core/Tensor.h>

#include "collectives/communicator.hpp"

namespace trireme::parallel {

/// Throws base::Error for a type that collectives do not support.
collectives::DataType data_type(at::ScalarType type);
inline collectives::DataType data_type(const at::Tensor& tensor) { return data_type(tensor.scalar_type()); }

}  // namespace trireme::parallel
