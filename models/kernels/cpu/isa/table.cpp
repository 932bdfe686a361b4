#include "models/kernels/cpu/isa/names.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {

extern const IsaTable kTable;
const IsaTable kTable = {TRIREME_ISA_NAME, adamw_float, adamw_double, squares_float, squares_double};

}  // namespace trireme::kernels::cpu::TRIREME_ISA
