// How the C library manages the memory of large host buffers.
#pragma once

namespace trireme::base {

/// Keeps freed memory for the next buffer instead of returning it to the kernel: every step allocates and frees the
/// same sizes, and fresh pages cost more than the arithmetic on them. Process-wide; call it once at start, before any
/// such buffer is made. Does nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace trireme::base
