// The cuda* functions of devices and memory.
#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>

#include "base/error.hpp"
#include "tests/fake/cuda_handles.hpp"

namespace trireme::fake {
namespace {

constexpr std::size_t kDeviceBytes = std::size_t{80} << 30;

bool usable(Entry& entry, const void* data, std::size_t bytes, int device, const char* what) {
  const std::string refusal = entry.state().memory.refusal({static_cast<const char*>(data), bytes}, device);
  if (!refusal.empty()) entry.state().report(base::str(what, " uses ", refusal));
  return refusal.empty();
}

Operation copy_to_device(void* to, const void* from, std::size_t bytes) {
  // Pageable memory is staged during the call; the device gets it later.
  const auto* begin = static_cast<const char*>(from);
  auto staged = std::make_shared<std::vector<char>>(begin, begin + bytes);
  Operation copy;
  copy.text = "cudaMemcpy to the device";
  copy.writes = {{static_cast<const char*>(to), bytes}};
  copy.complete = [to, staged] { copy_bytes(to, staged->data(), staged->size()); };
  return copy;
}

Operation copy_to_host(void* to, const void* from, std::size_t bytes) {
  fill_bytes(to, kNothing, bytes);
  Operation copy;
  copy.text = "cudaMemcpy to the host";
  copy.reads = {{static_cast<const char*>(from), bytes}};
  copy.complete = [to, from, bytes] { copy_bytes(to, from, bytes); };
  return copy;
}

Operation copy_on_device(void* to, const void* from, std::size_t bytes) {
  Operation copy;
  copy.text = "cudaMemcpy on the device";
  copy.reads = {{static_cast<const char*>(from), bytes}};
  copy.writes = {{static_cast<const char*>(to), bytes}};
  copy.complete = [to, from, bytes] { copy_bytes(to, from, bytes); };
  return copy;
}

Operation fill(void* data, int value, std::size_t bytes) {
  Operation operation;
  operation.text = "cudaMemset";
  operation.writes = {{static_cast<const char*>(data), bytes}};
  operation.complete = [=] { fill_bytes(data, value, bytes); };
  return operation;
}

}  // namespace
}  // namespace trireme::fake

using namespace trireme::fake;
using trireme::base::str;

extern "C" {

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorNotReady: return "device not ready";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorHostMemoryAlreadyRegistered: return "part or all of the requested memory range is already mapped";
    case cudaErrorHostMemoryNotRegistered: return "pointer does not correspond to a registered memory region";
    case cudaErrorCudartUnloading: return "driver shutting down";
    default: return "unknown error";
  }
}

cudaError_t cudaGetDeviceCount(int* count) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return kGone;
  *count = entry.state().options.devices;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return kGone;
  *device = entry.thread().device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return kGone;
  if (device < 0 || device >= entry.state().options.devices) return cudaErrorInvalidDevice;
  entry.thread().device = device;
  entry.make_context();
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return kGone;
  if (device < 0 || device >= entry.state().options.devices) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "Fake device");
  for (int i = 0; i < 16; ++i) properties->uuid.bytes[i] = static_cast<char>(16 * device + i);
  properties->totalGlobalMem = kDeviceBytes;
  properties->major = 9;
  properties->minor = 0;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  Entry entry;
  if (!entry.alive()) return kGone;
  *total = kDeviceBytes;
  *free = kDeviceBytes;
  for (const auto& [begin, allocation] : entry.state().memory.all()) {
    if (allocation.device == entry.thread().device) *free -= allocation.bytes;
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  Entry entry;
  if (!entry.alive()) return kGone;
  const HostThread& thread = entry.thread();
  return wait_for(entry, entry.state().streams.ends(thread.rank, thread.device), "cudaDeviceSynchronize");
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  Entry entry;
  if (!entry.alive()) return kGone;
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  Entry entry;
  if (!entry.alive()) return kGone;
  *data = entry.state().memory.allocate(bytes, entry.thread().device, entry.thread().rank);
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  Entry entry;
  if (!entry.alive()) return kGone;
  if (data == nullptr) return cudaSuccess;
  State& state = entry.state();
  const Allocation* found = state.memory.find(data);
  if (found == nullptr) {
    state.report("cudaFree of memory that is not allocated");
    return cudaErrorInvalidValue;
  }
  const int rank = found->rank;
  state.endings[rank].push_back("cudaFree");
  // It waits for everything on the device, so a kernel that never ends holds it for ever.
  const cudaError_t code = wait_for(entry, state.streams.ends(rank, found->device), "cudaFree");
  if (code != cudaSuccess) return code;
  if (!state.memory.release(data)) state.report("cudaFree of an address inside an allocation");
  return cudaSuccess;
}

cudaError_t cudaHostRegister(void* data, std::size_t bytes, unsigned) {
  Entry entry;
  if (!entry.alive()) return kGone;
  if (data == nullptr || bytes == 0) return cudaErrorInvalidValue;
  if (entry.state().memory.pin({static_cast<const char*>(data), bytes}, entry.thread().rank)) return cudaSuccess;
  entry.state().report("cudaHostRegister of memory that is registered");
  return cudaErrorHostMemoryAlreadyRegistered;
}

cudaError_t cudaHostUnregister(void* data) {
  Entry entry;
  if (!entry.alive()) return kGone;
  if (entry.state().memory.unpin(data)) return cudaSuccess;
  entry.state().report("cudaHostUnregister of memory that is not registered");
  return cudaErrorHostMemoryNotRegistered;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Stream* stream = stream_of(entry, handle, "cudaMemcpyAsync");
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  const bool up = kind == cudaMemcpyHostToDevice;
  const bool within = kind == cudaMemcpyDeviceToDevice;
  if (!up && !within && kind != cudaMemcpyDeviceToHost) return cudaErrorInvalidValue;
  if (!usable(entry, up ? to : from, bytes, stream->device, "cudaMemcpyAsync")) return cudaErrorInvalidValue;
  if (within && !usable(entry, to, bytes, stream->device, "cudaMemcpyAsync")) return cudaErrorInvalidValue;
  entry.state().streams.add(entry.state(), *stream,
                            up       ? copy_to_device(to, from, bytes)
                            : within ? copy_on_device(to, from, bytes)
                                     : copy_to_host(to, from, bytes));
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Stream& stream = *stream_of(entry, nullptr, "cudaMemcpy");
  if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost) return cudaErrorInvalidValue;
  const bool up = kind == cudaMemcpyHostToDevice;
  if (!usable(entry, up ? to : from, bytes, stream.device, "cudaMemcpy")) return cudaErrorInvalidValue;
  if (up) {
    // The call returns when the bytes are staged; the copy to the device itself may still be under way.
    const cudaError_t code = drain(entry, stream, "cudaMemcpy to the device");
    if (code != cudaSuccess) return code;
    entry.state().streams.add(entry.state(), stream, copy_to_device(to, from, bytes));
    return cudaSuccess;
  }
  return wait_for(entry, {entry.state().streams.add(entry.state(), stream, copy_to_host(to, from, bytes))},
                  "cudaMemcpy to the host");
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Stream* stream = stream_of(entry, handle, "cudaMemsetAsync");
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (!usable(entry, data, bytes, stream->device, "cudaMemset")) return cudaErrorInvalidValue;
  entry.state().streams.add(entry.state(), *stream, fill(data, value, bytes));
  return cudaSuccess;
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return cudaMemsetAsync(data, value, bytes, nullptr);
}

}  // extern "C"
