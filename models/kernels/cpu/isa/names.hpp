// The functions of one instruction set; TRIREME_ISA is its name, given by the build.
#pragma once

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {

void adamw_float(const AdamWStep& step, std::int64_t count, float* value, const float* grad, float* m, float* v,
                 std::uint16_t* rounded);
void adamw_double(const AdamWStep& step, std::int64_t count, double* value, const double* grad, double* m, double* v);
double squares_float(std::int64_t count, const float* data);
double squares_double(std::int64_t count, const double* data);

}  // namespace trireme::kernels::cpu::TRIREME_ISA
