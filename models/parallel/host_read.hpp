// The one place where the host waits, in a training step, for what a device computed. Each wait empties the device's
// queue, so they are counted: a training step makes at most two.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace trireme::parallel {

/// `tensor` in host memory, itself when it is there already. Waits until it is computed.
at::Tensor read_host(const at::Tensor& tensor);

/// How often this process has called read_host(), on host tensors too, so that a test on a CPU sees what a GPU would
/// do.
std::int64_t host_reads();

}  // namespace trireme::parallel
