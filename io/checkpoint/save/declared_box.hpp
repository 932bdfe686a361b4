// What each rank declares before a save: the boxes that it holds. Private to io/checkpoint.
#pragma once

#include <string>

#include "io/checkpoint/format/box_data.hpp"

namespace trireme::checkpoint {

/// A StoredBox without its memory.
struct DeclaredBox {
  Kind kind;
  std::string tensor;
  Shape shape;
  DataType dtype;
  Box box;
};

/// One of the tensors that the declared boxes belong to.
struct PlannedTensor {
  Kind kind;
  std::string name;
  Shape shape;
  DataType dtype;
};

}  // namespace trireme::checkpoint
