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
  /// `stream` goes on only after what was recorded.
  void hold(cudaStream_t stream) const;
  bool reached() const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// Shared by all communicators of a rank: one queue, so that all ranks issue in one order.
class Streams {
 public:
  /// Makes the communication stream, of the highest priority, on `device`.
  Streams(int device, cudaStream_t compute);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  cudaStream_t communication() const { return communication_; }
  /// The communication stream goes on only after what the compute stream has been given so far.
  void after_compute();
  /// An event after all communication so far.
  Event mark() const;
  /// The compute stream goes on only after `mark`.
  void order(const Event& mark) const;

 private:
  int device_;
  cudaStream_t compute_;
  cudaStream_t communication_ = nullptr;
  Event before_;
};

}  // namespace trireme::collectives
