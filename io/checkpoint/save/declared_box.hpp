// What each rank declares before a save: the boxes that it holds. Private to io/checkpoint.
#pragma once

#include <string>

#include "io/checkpoint/format/box_data.hpp"

namespace trireme::checkpoint {

/// A StoredBox without its memory.
struct DeclaredBox {
  std::string slot;
  std::string tensor;
  Shape shape;
  DataType dtype;
  Box box;
};

/// One of the tensors that the declared boxes belong to.
struct PlannedTensor {
  std::string slot;
  std::string name;
  Shape shape;
  DataType dtype;
};

}  // namespace trireme::checkpoint
