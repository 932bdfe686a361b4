// The GPUs of a test program's ranks. With fewer GPUs than ranks the ranks share them (never for timings): NCCL accepts
// that when every rank claims a host of its own.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "collectives/mpi/world.hpp"
#include "collectives/nccl/cuda_library.hpp"

namespace trireme::test {

class Gpus {
 public:
  /// Before the first NCCL call. Makes this rank's GPU current. Nothing where none is visible: rank 0 prints
  /// "skipped: <reason>", which ctest shows as a skipped test.
  static std::optional<Gpus> find(collectives::MpiWorld& world) {
    collectives::CudaSearch search = collectives::CudaSearch::run();
    if (!search.library) {
      if (world.rank() == 0) std::printf("skipped: %s\n", search.reason.c_str());
      return std::nullopt;
    }
    const int count = search.library->functions().device_count();
    if (count < world.local_size()) {
      setenv("NCCL_HOSTID", std::to_string(world.rank()).c_str(), 1);
      setenv("NCCL_SOCKET_IFNAME", "lo", 1);
      setenv("NCCL_IB_DISABLE", "1", 1);
    }
    Gpus gpus(world, *search.library, world.local_rank() % count);
    gpus.functions().set_device(gpus.index());
    return gpus;
  }

  int index() const { return index_; }
  const collectives::CudaFunctions& functions() const { return library_.functions(); }
  void* symbol(const char* name) const { return library_.symbol(name); }

  /// Collective: a communicator of all ranks for device memory.
  std::unique_ptr<collectives::Communicator> communicator(const std::string& name) const {
    collectives::NcclWorldOptions options;
    options.rank = world_->rank();
    options.size = world_->size();
    options.name = name;
    options.device = index_;
    options.broadcast = [world = world_](void* data, std::size_t bytes) {
      world->control().broadcast(data, bytes, collectives::DataType::kUInt8, 0);
    };
    options.trace = &world_->trace();
    options.limit_seconds = 60;
    return functions().make_nccl_world(options);
  }

 private:
  Gpus(collectives::MpiWorld& world, const collectives::CudaLibrary& library, int index)
      : world_(&world), library_(library), index_(index) {}

  collectives::MpiWorld* world_;
  collectives::CudaLibrary library_;
  int index_;
};

}  // namespace trireme::test
