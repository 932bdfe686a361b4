#include "launcher/doctor/own_gpu.hpp"

#include <fstream>

#include "base/error.hpp"
#include "collectives/topology/placement.hpp"
#include "launcher/health/gpu_health.hpp"

namespace trireme::doctor {

OwnGpu::OwnGpu(const collectives::MpiWorld& world, const std::string& wanted) {
  if (wanted == "cpu") return;
  try {
    find(world);
  } catch (const std::exception& error) {
    visible_ = true;  // CudaSearch fails only where a device is visible
    reason_ = base::failure_text(error);
  }
}

void OwnGpu::find(const collectives::MpiWorld& world) {
  collectives::CudaSearch search = collectives::CudaSearch::run();
  reason_ = search.reason;
  visible_ = !search.library && search.reason != collectives::kNoGpuVisible;
  if (!search.library) return;
  library_ = search.library;
  index_ = topology::choose_device(world.local_rank(), world.local_size(), functions().device_count());
  if (!index_) throw base::Error("the driver shows a GPU, but the CUDA runtime finds none; compare their versions");
  const collectives::CudaDevice device = functions().device(*index_);
  if (const auto refusal = collectives::refusal_of(device)) throw base::Error(*refusal);
  functions().set_device(*index_);
  gpu_ = Gpu{device.name, device.uuid, device.memory_bytes, functions().free_bytes(), "", false};
  if (const auto watch = launcher::GpuWatch::begin(device.uuid)) {
    const launcher::GpuHealth health = watch->look();
    gpu_->sickness = launcher::to_string(health);
    gpu_->broken = launcher::is_broken(health);
  }
}

void OwnGpu::describe(Rank& rank) const {
  rank.gpu = gpu_;
  rank.no_gpu = gpu_ ? "" : reason_;
  rank.gpu_unusable = visible_ && !gpu_;
  if (!gpu_) return;
  rank.versions["NCCL"] = functions().nccl_version();
  std::string driver;
  if (std::getline(std::ifstream("/sys/module/nvidia/version"), driver)) rank.files["NVIDIA driver"] = driver;
}

}  // namespace trireme::doctor
