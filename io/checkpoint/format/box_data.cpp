#include "io/checkpoint/format/box_data.hpp"

#include <algorithm>

#include "io/checkpoint/format/box_table_layout.hpp"

namespace trireme::checkpoint {

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kParam: return "param";
    case Kind::kAdamM: return "adam_m";
    case Kind::kAdamV: return "adam_v";
    case Kind::kGrad: return "grad";
  }
  return "?";
}

bool is_stored_type(DataType type) { return std::ranges::find(kStoredTypes, type) != kStoredTypes.end(); }

bool is_loaded_type(DataType type) { return is_stored_type(type) || type == DataType::kBFloat16; }

}  // namespace trireme::checkpoint
