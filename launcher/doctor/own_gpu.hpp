// Finds the GPU of this rank without refusing: what is wrong with it becomes a finding.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "collectives/mpi/world.hpp"
#include "collectives/nccl/cuda_library.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

class OwnGpu {
 public:
  /// Local. `wanted`: auto, cpu, cuda (train.device); with cpu no GPU is looked for. Takes the device that train would
  /// take (topology::choose_device) and makes it current.
  OwnGpu(const collectives::MpiWorld& world, const std::string& wanted);

  /// The GPU's UUID; "" without a GPU.
  std::string uuid() const { return gpu_ ? gpu_->uuid : ""; }
  /// Call these two only when there is a GPU.
  int index() const { return *index_; }
  const collectives::CudaFunctions& functions() const { return library_->functions(); }
  /// Fills gpu, no_gpu, gpu_unusable and the versions of what a GPU needs.
  void describe(Rank& rank) const;

 private:
  void find(const collectives::MpiWorld& world);

  std::optional<collectives::CudaLibrary> library_;
  std::optional<int> index_;
  std::optional<Gpu> gpu_;
  std::string reason_;
  bool visible_ = false;
};

/// Memory on this rank's device.
class DeviceMemory {
 public:
  /// Throws base::Error when there is no room. `functions` must outlive it.
  DeviceMemory(const collectives::CudaFunctions& functions, std::size_t bytes)
      : functions_(functions), data_(functions.allocate(bytes)) {}
  ~DeviceMemory() { functions_.release(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void* data() const { return data_; }

 private:
  const collectives::CudaFunctions& functions_;
  void* data_;
};

}  // namespace trireme::doctor
