// How the C library hands out the memory of host tensors.
#pragma once

namespace trireme::kernels {

/// Keeps freed memory for the next tensor instead of giving it back to the kernel: every step allocates and frees the
/// same sizes, and fresh pages cost more than what is computed in them. Process-wide; called once at start, before
/// any tensor is made. Nothing happens where the C library is not glibc.
void keep_freed_memory();

}  // namespace trireme::kernels
