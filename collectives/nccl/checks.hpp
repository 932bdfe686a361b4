// Checked calls of the CUDA runtime and NCCL. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <string>

namespace trireme::collectives {

/// Throws base::Error "<what> failed: <CUDA's text>" unless code is cudaSuccess.
void check_cuda(cudaError_t code, const char* what);

/// NCCL's text for a result, with the details of its last error where it has some.
std::string nccl_text(ncclResult_t code);

/// Throws base::Error "<what> of group <group> failed: <NCCL's text>" unless code is ncclSuccess.
void check_nccl(ncclResult_t code, const char* what, const std::string& group);

}  // namespace trireme::collectives
