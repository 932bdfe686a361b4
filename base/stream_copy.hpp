// Copying what nobody will read soon.
#pragma once

#include <cstddef>

namespace trireme::base {

/// Like std::memcpy, but long copies go past the caches: what is overwritten is not read first, and the caches keep
/// what they hold. For copies of which the other side is used much later, or by a device. Other threads see the bytes
/// as after a memcpy.
void stream_copy(void* to, const void* from, std::size_t bytes);

}  // namespace trireme::base
