#include "launcher/session/pinned_memory.hpp"

#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

/// Unpinning may wait for the device, where a kernel may wait for a rank that is gone. While an exception unwinds, the
/// communicators that abort such kernels are still to be destroyed: the process then keeps the memory to its end.
void keep_to_the_end(std::shared_ptr<std::byte> memory) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<std::byte>>();
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(memory));
}

/// Unpins the memory that it holds, and then lets go of it.
struct PinnedDeleter {
  const collectives::CudaFunctions& functions;
  int device;
  std::shared_ptr<std::byte> memory;

  void operator()(std::byte* data) noexcept {
    if (std::uncaught_exceptions() > 0) return keep_to_the_end(std::move(memory));
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
