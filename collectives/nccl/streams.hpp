// The two streams of a rank: tensors are computed on one and communicated on the other.
#pragma once

#include <cuda_runtime_api.h>

namespace trireme::collectives {

/// A CUDA event without timing. Move-only.
class Event {
 public:
  Event();
  ~Event();
  Event(Event&& other) noexcept : event_(other.event_) { other.event_ = nullptr; }
  Event& operator=(Event&&) = delete;

  void record(cudaStream_t stream);
  /// Makes `stream` wait for what was recorded.
  void hold(cudaStream_t stream) const;
  bool reached() const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// All communicators of a rank share one object: with one queue, all ranks issue operations in one order.
class Streams {
 public:
  /// Makes the communication stream, with the highest priority, on `device`.
  Streams(int device, cudaStream_t compute);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  cudaStream_t communication() const { return communication_; }
  /// Makes the communication stream wait for all work given to the compute stream so far.
  void after_compute();
  /// Returns an event that marks all communication so far.
  Event mark() const;
  /// Makes the compute stream wait for `mark`.
  void order(const Event& mark) const;

 private:
  int device_;
  cudaStream_t compute_;
  cudaStream_t communication_ = nullptr;
  Event before_;
};

}  // namespace trireme::collectives
