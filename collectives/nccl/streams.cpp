#include "collectives/nccl/streams.hpp"

#include "collectives/nccl/checks.hpp"

namespace trireme::collectives {

Event::Event() { check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "creating an event"); }

Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void Event::record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "recording an event"); }

void Event::hold(cudaStream_t stream) const {
  check_cuda(cudaStreamWaitEvent(stream, event_, 0), "ordering two streams");
}

bool Event::reached() const {
  const cudaError_t code = cudaEventQuery(event_);
  if (code == cudaErrorNotReady) return false;
  check_cuda(code, "a device operation");
  return true;
}

std::shared_ptr<Event> EventPool::take() {
  std::unique_ptr<Event> event;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      event = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!event) event = std::make_unique<Event>();
  return {event.release(), [pool = shared_from_this()](Event* used) {
            const std::lock_guard lock(pool->mutex_);
            pool->free_.emplace_back(used);
          }};
}

CommunicationStream::CommunicationStream(int device, cudaStream_t compute) : device_(device), compute_(compute) {
  choose_device();
  int lowest = 0;
  int highest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "asking stream priorities");
  before_ = std::make_unique<Event>();
  check_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest), "creating a communication stream");
}

CommunicationStream::~CommunicationStream() { cudaStreamDestroy(stream_); }

// Backward may run in another thread, which has a current device of its own; the default stream is that device's.
void CommunicationStream::choose_device() const { check_cuda(cudaSetDevice(device_), "choosing a device"); }

void CommunicationStream::after_compute() {
  choose_device();
  before_->record(compute_);
  before_->hold(stream_);
}

void CommunicationStream::after(const Event& mark) {
  choose_device();
  mark.hold(stream_);
}

void CommunicationStream::record_compute(Event& mark) const {
  choose_device();
  mark.record(compute_);
}

void CommunicationStream::order(const Event& mark) const {
  choose_device();
  mark.hold(compute_);
}

void CommunicationStream::drain() const { check_cuda(cudaStreamSynchronize(stream_), "waiting for communication"); }

}  // namespace trireme::collectives
