// How the C library hands out the memory of large host buffers.
#pragma once

namespace trireme::base {

/// Keeps freed memory for the next buffer instead of giving it back to the kernel: every step allocates and frees the
/// same sizes, and fresh pages cost more than what is computed in them. Process-wide; called once at start, before
/// any is made. Nothing happens where the C library is not glibc.
void keep_freed_memory();

}  // namespace trireme::base
