// Pinned host memory for snapshots of a GPU's state. No LibTorch: its caching allocator rounds blocks up to powers of
// two and keeps those that are freed.
#pragma once

#include "collectives/nccl/cuda_functions.hpp"
#include "io/checkpoint/save/host_pool.hpp"

namespace trireme::launcher {

/// Allocates as checkpoint::allocate_huge() and pins the memory for `device`; the deleter unpins it first, except
/// while an exception unwinds: then it stays until the process ends. Any thread may allocate and free. `functions` must
/// outlive the memory. Throws base::Error when the system pins no more, and then keeps nothing.
checkpoint::AllocateHost pinned_allocator(const collectives::CudaFunctions& functions, int device);

}  // namespace trireme::launcher
