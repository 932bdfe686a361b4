#include "models/kernels/kernels.hpp"

#include "models/kernels/host.hpp"

namespace trireme::kernels {
namespace {

const CudaTable* g_cuda_table = nullptr;

}  // namespace

void set_cuda_table(const CudaTable* table) { g_cuda_table = table; }

const CudaTable& cuda_table() {
  if (g_cuda_table == nullptr) throw base::Error("a device tensor is used, but libtrireme_cuda.so is not loaded");
  return *g_cuda_table;
}

at::ScalarType wide_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

}  // namespace trireme::kernels
