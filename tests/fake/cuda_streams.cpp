// The cuda* functions of streams and events.
#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "tests/fake/cuda_handles.hpp"

namespace trireme::fake {

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

cudaError_t drain(Entry& entry, Stream& stream, const std::string& what) {
  Operation nothing;
  nothing.text = what;
  if (!stream.legacy) return wait_for(entry, {{stream.id, stream.issued}}, what);
  return wait_for(entry, {entry.state().streams.add(entry.state(), stream, std::move(nothing))}, what);
}

namespace {

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
