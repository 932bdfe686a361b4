// Where the files in which models of a family are published hold the tensors of a checkpoint.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace trireme::launcher {

struct PublicPlace {
  std::string name;         ///< of the public tensor
  std::size_t part = 1;     ///< which of `parts` stacked along dim 0, counted from 1
  std::size_t parts = 1;    ///< more than 1 for tensors that are fused there, such as GPT-2's q, k and v
  bool transposed = false;  ///< the public tensor is the transpose of the stack
};

/// "as here", "transposed", "part 1 of 3, transposed".
std::string words_of(const PublicPlace& place);

/// By logical name, without the tensors that the family's published models do not have. `run_file` is the text that a
/// checkpoint stores (Manifest::options), of this version or an earlier one. Throws base::InputError when it describes
/// no model.
std::map<std::string, PublicPlace> public_places(const std::string& run_file);

}  // namespace trireme::launcher
