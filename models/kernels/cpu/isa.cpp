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

std::vector<const IsaTable*> isa_tables() {
  std::vector<const IsaTable*> tables;
  if (__builtin_cpu_supports("x86-64-v4")) tables.push_back(&v4::kTable);
  if (__builtin_cpu_supports("x86-64-v3")) tables.push_back(&v3::kTable);
  tables.push_back(&v2::kTable);
  return tables;
}
#else
namespace generic {
extern const IsaTable kTable;
}

std::vector<const IsaTable*> isa_tables() { return {&generic::kTable}; }
#endif

const IsaTable& isa_table() {
  static const IsaTable& best = *isa_tables().front();
  return best;
}

}  // namespace trireme::kernels::cpu
