#include "models/parallel/host_read.hpp"

#include <atomic>

namespace trireme::parallel {
namespace {

std::atomic<std::int64_t> g_reads{0};

}  // namespace

at::Tensor read_host(const at::Tensor& tensor) {
  g_reads.fetch_add(1, std::memory_order_relaxed);
  return tensor.to(at::kCPU);
}

std::int64_t host_reads() { return g_reads.load(std::memory_order_relaxed); }

}  // namespace trireme::parallel
