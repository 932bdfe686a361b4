#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {

#if defined(__x86_64__)
namespace v2 {
extern const IsaTable kTable;
}
namespace v3 {
extern const IsaTable kTable;
}
namespace v4 {
extern const IsaTable kTable;
}

const IsaTable& isa_table() {
  static const IsaTable& chosen = __builtin_cpu_supports("x86-64-v4")   ? v4::kTable
                                  : __builtin_cpu_supports("x86-64-v3") ? v3::kTable
                                                                        : v2::kTable;
  return chosen;
}
#else
namespace generic {
extern const IsaTable kTable;
}

const IsaTable& isa_table() { return generic::kTable; }
#endif

}  // namespace trireme::kernels::cpu
