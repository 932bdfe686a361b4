// The cuda* functions.
#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>

#include "base/error.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {
namespace {

constexpr cudaError_t kGone = cudaErrorCudartUnloading;
constexpr std::size_t kDeviceBytes = std::size_t{80} << 30;

template <typename Handle>
Handle handle_of(int id) {
  return reinterpret_cast<Handle>(static_cast<std::uintptr_t>(id));
}

template <typename Handle>
int id_of(Handle handle) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(handle));
}

/// The stream of a handle; null when it is none of this machine's, which is reported.
Stream* stream_of(Entry& entry, cudaStream_t handle, const char* what) {
  State& state = entry.state();
  if (handle == nullptr) return &state.streams.legacy(entry.thread().rank, entry.thread().device);
  Stream* stream = state.streams.find(id_of(handle));
  if (stream == nullptr || stream->destroyed) {
    state.report(base::str(what, ": stream ", id_of(handle), " was destroyed"));
    return nullptr;
  }
  entry.adopt(stream->rank);
  return stream;
}

Event* event_of(Entry& entry, cudaEvent_t handle, const char* what) {
  State& state = entry.state();
  const auto found = state.streams.events.find(id_of(handle));
  if (found == state.streams.events.end()) {
    state.report(base::str(what, ": event ", id_of(handle), " was destroyed"));
    return nullptr;
  }
  entry.adopt(found->second.rank);
  return &found->second;
}

bool usable(Entry& entry, const void* data, std::size_t bytes, int device, const char* what) {
  const std::string refusal = entry.state().memory.refusal({static_cast<const char*>(data), bytes}, device);
  if (!refusal.empty()) entry.state().report(base::str(what, " uses ", refusal));
  return refusal.empty();
}

cudaError_t wait_for(Entry& entry, const std::vector<Position>& positions, const std::string& what) {
  State& state = entry.state();
  const bool over = state.wait(
      entry.lock(), what, [&] { return positions; },
      [&] {
        for (const Position& position : positions) {
          if (!state.streams.over(position)) return false;
        }
        return true;
      });
  return over ? cudaSuccess : kGone;
}

/// Runs up to the end of the stream, as far as it has been issued.
cudaError_t drain(Entry& entry, Stream& stream, const std::string& what) {
  Operation nothing;
  nothing.text = what;
  if (!stream.legacy) return wait_for(entry, {{stream.id, stream.issued}}, what);
  return wait_for(entry, {entry.state().streams.add(entry.state(), stream, std::move(nothing))}, what);
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

Operation fill(void* data, int value, std::size_t bytes) {
  Operation operation;
  operation.text = "cudaMemset";
  operation.writes = {{static_cast<const char*>(data), bytes}};
  operation.complete = [=] { fill_bytes(data, value, bytes); };
  return operation;
}

cudaError_t query(Entry& entry, const Position& position, const char* what) {
  State& state = entry.state();
  if (state.streams.over(position)) return cudaSuccess;
  // A rank's own polling drives the device sometimes; a helper's never does, so seeds decide alone.
  if (entry.thread().takes_turns && state.chance(3)) state.progress({position});
  if (state.streams.over(position)) return cudaSuccess;
  state.idle_poll(what);
  return state.dead ? kGone : cudaErrorNotReady;
}

}  // namespace

void Machine::compute_until_release(cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return;
  State& state = entry.state();
  Operation work;
  work.text = "a computation";
  work.ready = [&state](std::vector<Position>&) { return state.released; };
  state.streams.add(state, *stream_of(entry, handle, "a computation"), std::move(work));
}

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
  if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost) return cudaErrorInvalidValue;
  const bool up = kind == cudaMemcpyHostToDevice;
  if (!usable(entry, up ? to : from, bytes, stream->device, "cudaMemcpyAsync")) return cudaErrorInvalidValue;
  entry.state().streams.add(entry.state(), *stream,
                            up ? copy_to_device(to, from, bytes) : copy_to_host(to, from, bytes));
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

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* handle, unsigned flags, int) {
  Entry entry;
  if (!entry.alive()) return kGone;
  const HostThread& thread = entry.thread();
  *handle =
      handle_of<cudaStream_t>(entry.state().streams.make(thread.rank, thread.device, flags != cudaStreamNonBlocking));
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  if (handle == nullptr) return cudaErrorInvalidResourceHandle;
  Stream* stream = stream_of(entry, handle, "cudaStreamDestroy");
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  stream->destroyed = true;  // what is queued still runs
  entry.state().endings[stream->rank].push_back("cudaStreamDestroy");
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Stream* stream = stream_of(entry, handle, "cudaStreamSynchronize");
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  return drain(entry, *stream, str("cudaStreamSynchronize of stream ", stream->id));
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  const Stream* stream = stream_of(entry, handle, "cudaStreamQuery");
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  return query(entry, {stream->id, stream->issued}, "cudaStreamQuery to find the stream empty");
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event_handle, unsigned) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Stream* stream = stream_of(entry, handle, "cudaStreamWaitEvent");
  const Event* event = event_of(entry, event_handle, "cudaStreamWaitEvent");
  if (stream == nullptr || event == nullptr) return cudaErrorInvalidResourceHandle;
  if (!event->position || event->position->stream == stream->id) return cudaSuccess;
  Operation hold;
  hold.text = str("a wait for stream ", event->position->stream);
  hold.after = {*event->position};
  hold.clock = event->clock;
  entry.state().streams.add(entry.state(), *stream, std::move(hold));
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Streams& streams = entry.state().streams;
  const int id = streams.next_event++;
  streams.events[id] = {entry.thread().rank, entry.thread().device, {}, {}};
  *event = handle_of<cudaEvent_t>(id);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  if (event_of(entry, handle, "cudaEventDestroy") == nullptr) return cudaErrorInvalidResourceHandle;
  entry.state().streams.events.erase(id_of(handle));
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  Event* event = event_of(entry, handle, "cudaEventRecord");
  Stream* stream = stream_of(entry, stream_handle, "cudaEventRecord");
  if (event == nullptr || stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (event->device != stream->device) {
    entry.state().report(
        str("cudaEventRecord: an event of device ", event->device, " on a stream of device ", stream->device));
    return cudaErrorInvalidResourceHandle;
  }
  event->position = Position{stream->id, stream->issued};
  event->clock = stream->clock;
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  Entry entry;
  if (!entry.alive()) return kGone;
  const Event* event = event_of(entry, handle, "cudaEventQuery");
  if (event == nullptr) return cudaErrorInvalidResourceHandle;
  if (!event->position) return cudaSuccess;
  return query(entry, *event->position, "cudaEventQuery to find the event reached");
}

}  // extern "C"
