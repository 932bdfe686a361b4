// What this rank computes with: a CPU, or the GPU that belongs to its place on the node.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "collectives/mpi/world.hpp"
#include "collectives/nccl/cuda_library.hpp"
#include "launcher/health/gpu_health.hpp"

namespace trireme::launcher {

class Device {
 public:
  /// Collective. `wanted` is auto, cpu or cuda (train.device); auto uses GPUs when every rank sees one. Only when GPUs
  /// are used, this loads libtrireme_cuda.so and makes the rank's GPU current. Throws base::InputError, the same on all
  /// ranks, when cuda is wanted and some rank sees none, when a node has fewer GPUs than ranks, when two ranks would
  /// share one, when a GPU is older than compute capability 8.0, or when the job's request keeps GPUs from ranks. Logs
  /// a warning when ranks share CPUs.
  Device(collectives::MpiWorld& world, const std::string& wanted, const base::Log& log);

  bool cuda() const { return index_.has_value(); }
  int index() const { return *index_; }
  /// Whether every rank multiplies bf16 in hardware: true on GPUs, and on CPUs with AVX512_BF16. Otherwise a bf16
  /// product takes 25 to 500 times as long as one in fp32.
  bool multiplies_bf16() const { return multiplies_bf16_; }
  const collectives::CudaFunctions& functions() const { return library_->functions(); }
  /// Watches this rank's GPU; null without one, or where the driver does not tell its health.
  const std::shared_ptr<GpuWatch>& watch() const { return watch_; }

 private:
  std::optional<collectives::CudaLibrary> library_;
  std::optional<int> index_;
  std::shared_ptr<GpuWatch> watch_;
  bool multiplies_bf16_ = true;
};

}  // namespace trireme::launcher
