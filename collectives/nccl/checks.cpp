#include "collectives/nccl/checks.hpp"

#include "base/error.hpp"

namespace trireme::collectives {

void check_cuda(cudaError_t code, const char* what) {
  if (code != cudaSuccess) throw base::Error(base::str(what, " failed: ", cudaGetErrorString(code)));
}

std::string nccl_text(ncclResult_t code) {
  const char* detail = ncclGetLastError(nullptr);  // the same for all communicators
  std::string text = ncclGetErrorString(code);
  if (detail != nullptr && detail[0] != '\0') text += base::str(" (", detail, ")");
  return text;
}

void check_nccl(ncclResult_t code, const char* what, const std::string& group) {
  if (code != ncclSuccess) throw base::Error(base::str(what, " of group ", group, " failed: ", nccl_text(code)));
}

}  // namespace trireme::collectives
