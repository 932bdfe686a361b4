#include "io/checkpoint/format/box_data.hpp"

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

const char* name_of(DataType type) { return type == DataType::kFloat32 ? "fp32" : "fp64"; }

std::size_t size_of(DataType type) { return type == DataType::kFloat32 ? 4 : 8; }

}  // namespace trireme::checkpoint
