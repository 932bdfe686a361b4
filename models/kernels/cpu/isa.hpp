// The kernels exist once per instruction set (the files under isa/ are compiled with several -march); the best one
// that the CPU has is chosen once. Files under isa/ use no templates or inline functions from outside, so that no
// code of a higher instruction set leaks into the rest of the program.
#pragma once

#include <cstdint>

#include "models/kernels/cpu/adamw.hpp"

namespace trireme::kernels::cpu {

/// What an element is. bf16 data is computed with in fp32.
enum class Element { kFloat, kDouble, kBFloat16 };

/// Serial kernels over a range; the callers divide the work over threads.
struct IsaTable {
  const char* name;
  void (*adamw_float)(const AdamWStep&, std::int64_t, float*, const float*, float*, float*, std::uint16_t*);
  void (*adamw_double)(const AdamWStep&, std::int64_t, double*, const double*, double*, double*);
  double (*squares_float)(std::int64_t, const float*);
  double (*squares_double)(std::int64_t, const double*);
};

/// The table for this CPU.
const IsaTable& isa_table();

}  // namespace trireme::kernels::cpu
