// Checked calls of the CUDA runtime and NCCL. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <string>

namespace trireme::collectives {

/// Throws base::Error "<what> failed: <CUDA's text>" unless code is cudaSuccess.
void check_cuda(cudaError_t code, const char* what);

/// Throws base::Error "<what> of group <group> failed: <NCCL's text>" unless code is ncclSuccess or ncclInProgress.
void check_nccl(ncclResult_t code, const char* what, const std::string& group, ncclComm_t comm);

}  // namespace trireme::collectives
