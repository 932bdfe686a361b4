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

Streams::Streams(int device, cudaStream_t compute) : device_(device), compute_(compute) {
  check_cuda(cudaSetDevice(device_), "choosing a device");
  int lowest = 0;
  int highest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "asking stream priorities");
  check_cuda(cudaStreamCreateWithPriority(&communication_, cudaStreamNonBlocking, highest),
             "creating the communication stream");
}

Streams::~Streams() { cudaStreamDestroy(communication_); }

void Streams::after_compute() {
  // Backward may run in another thread, which has a current device of its own.
  check_cuda(cudaSetDevice(device_), "choosing a device");
  before_.record(compute_);
  before_.hold(communication_);
}

Event Streams::mark() const {
  Event event;
  event.record(communication_);
  return event;
}

void Streams::order(const Event& mark) const { mark.hold(compute_); }

}  // namespace trireme::collectives
