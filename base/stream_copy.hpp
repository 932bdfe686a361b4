// Copies data that will not be read soon.
#pragma once

#include <cstddef>

namespace trireme::base {

/// Works like std::memcpy, but long copies bypass the caches: the old content of `to` is not read first, and the caches
/// keep what they hold. Use it when the copy is read much later, or by a device. Other threads see the bytes as after a
/// memcpy.
void stream_copy(void* to, const void* from, std::size_t bytes);

}  // namespace trireme::base
