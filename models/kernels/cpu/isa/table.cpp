#include "models/kernels/cpu/isa/names.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {

extern const IsaTable kTable;
const IsaTable kTable = {TRIREME_ISA_NAME,
                         adamw_float,
                         adamw_double,
                         sgd_float,
                         sgd_double,
                         lion_float,
                         lion_double,
                         squares_float,
                         squares_double,
                         rms_forward,
                         rms_backward,
                         row_squares,
                         scale_rows,
                         row_dots,
                         scale_rows_backward,
                         activate,
                         activate_backward,
                         rotate,
                         add,
                         column_sum,
                         accumulate,
                         softmax_statistics,
                         softmax_gradient,
                         attention_forward,
                         attention_backward,
                         attention_rows,
                         row_product};

}  // namespace trireme::kernels::cpu::TRIREME_ISA
