#include "launcher/session/pinned_memory.hpp"

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

/// Unpins the memory that it holds, and then lets go of it.
struct PinnedDeleter {
  const collectives::CudaFunctions& functions;
  int device;
  std::shared_ptr<std::byte> memory;

  void operator()(std::byte* data) noexcept {
    try {
      functions.set_device(device);
    } catch (const base::Error&) {  // the devices are gone, and what was pinned with them
    }
    functions.unregister_host(data);
    memory.reset();
  }
};

}  // namespace

checkpoint::AllocateHost pinned_allocator(const collectives::CudaFunctions& functions, int device) {
  return [&functions, device](std::size_t bytes) {
    std::shared_ptr<std::byte> memory = checkpoint::allocate_huge(bytes);
    std::byte* const data = memory.get();
    // A thread that has chosen no device would make a context on device 0.
    functions.set_device(device);
    functions.register_host(data, bytes);
    return std::shared_ptr<std::byte>(data, PinnedDeleter{functions, device, std::move(memory)});
  };
}

}  // namespace trireme::launcher
