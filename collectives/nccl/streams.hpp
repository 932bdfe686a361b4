// Events, and the streams that a rank communicates on beside the stream that it computes on.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <mutex>
#include <vector>

namespace trireme::collectives {

/// A CUDA event without timing, on the device that is current when it is made. Move-only.
class Event {
 public:
  Event();
  ~Event();
  Event(Event&& other) noexcept : event_(other.event_) { other.event_ = nullptr; }
  Event& operator=(Event&&) = delete;

  void record(cudaStream_t stream);
  /// Makes `stream` wait for what was recorded.
  void hold(cudaStream_t stream) const;
  /// Throws base::Error with the text of an error that the device met before.
  bool reached() const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// Events to be used again, since making one takes longer than recording it. Thread-safe. Must be held by a shared_ptr;
/// it lives until the last of its events is given back.
class EventPool : public std::enable_shared_from_this<EventPool> {
 public:
  /// Returns an event; dropping the last reference to it gives it back.
  std::shared_ptr<Event> take();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Event>> free_;
};

/// A stream for communication, with the highest priority. Communicators may share one: then their operations run in
/// the order in which the host issued them, and none begins before those ahead of it have ended.
class CommunicationStream {
 public:
  /// Makes `device` current for the calling thread. `compute`: the stream that tensors are computed on.
  CommunicationStream(int device, cudaStream_t compute);
  ~CommunicationStream();
  CommunicationStream(const CommunicationStream&) = delete;
  CommunicationStream& operator=(const CommunicationStream&) = delete;

  cudaStream_t handle() const { return stream_; }
  /// Makes this stream wait for all work given to the compute stream so far, and `device` current.
  void after_compute();
  /// Makes this stream wait for `mark` instead, and `device` current.
  void after(const Event& mark);
  /// Records all work given to the compute stream so far.
  void record_compute(Event& mark) const;
  /// Makes the compute stream wait for `mark`.
  void order(const Event& mark) const;
  /// Blocks the host until this stream is empty.
  void drain() const;
  /// Makes the stream's device current for the calling thread.
  void choose_device() const;

 private:
  int device_;
  cudaStream_t compute_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Event> before_;
};

}  // namespace trireme::collectives
