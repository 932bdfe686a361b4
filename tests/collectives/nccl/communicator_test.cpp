// The communicator's cases on device memory. With fewer devices than ranks the ranks share them: NCCL accepts that
// when every rank claims a host of its own.
#define TRIREME_TEST_HAS_MAIN
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "collectives/nccl/cuda_library.hpp"
#include "tests/collectives/communicator_cases.hpp"
#include "tests/support/mpi_main.hpp"

namespace trireme::test {
namespace {

collectives::CudaSearch& search() {
  static collectives::CudaSearch found;
  return found;
}

int device_of(const collectives::MpiWorld& world) {
  return world.local_rank() % search().library->functions().device_count();
}

class DeviceBuffer final : public Buffer {
 public:
  explicit DeviceBuffer(std::size_t bytes) { EXPECT_EQ(cudaMalloc(&data_, bytes + 16), cudaSuccess); }
  ~DeviceBuffer() override { cudaFree(data_); }
  void* data() override { return data_; }
  void write(const void* host, std::size_t bytes) override {
    EXPECT_EQ(cudaMemcpy(data_, host, bytes, cudaMemcpyHostToDevice), cudaSuccess);
  }
  void read(void* host, std::size_t bytes) override {
    EXPECT_EQ(cudaMemcpy(host, data_, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
  }

 private:
  void* data_ = nullptr;
};

Environment device() {
  const auto make = [] {
    collectives::NcclWorldOptions options;
    options.rank = world().rank();
    options.size = world().size();
    options.name = "device";
    options.device = device_of(world());
    options.broadcast = [](void* data, std::size_t bytes) {
      world().control().broadcast(data, bytes, DataType::kUInt8, 0);
    };
    options.trace = &world().trace();
    options.limit_seconds = 60;
    return search().library->functions().make_nccl_world(options);
  };
  return {
      "device", make, [](std::size_t bytes) { return std::make_unique<DeviceBuffer>(bytes); }, {0, 1, 5, 1023, 70001}};
}

INSTANTIATE_TEST_SUITE_P(Device, CommunicatorCases, testing::Values(device()),
                         [](const auto& info) { return info.param.label; });

TEST(CudaLibrary, DescribesItsDevices) {
  const collectives::CudaDevice found = search().library->functions().device(device_of(world()));
  EXPECT_EQ(found.uuid.substr(0, 4), "GPU-");
  EXPECT_EQ(found.uuid.size(), 40u);
  EXPECT_FALSE(found.name.empty());
  EXPECT_GE(found.memory_bytes, found.free_bytes);
  EXPECT_GE(found.compute_capability, 70);
}

bool prepare(collectives::MpiWorld& world) {
  search() = collectives::CudaSearch::run();
  if (!search().library) {
    if (world.rank() == 0) std::printf("skipped: %s\n", search().reason.c_str());
    return false;
  }
  if (search().library->functions().device_count() < world.local_size()) {
    setenv("NCCL_HOSTID", std::to_string(world.rank()).c_str(), 1);
    setenv("NCCL_SOCKET_IFNAME", "lo", 1);
    setenv("NCCL_IB_DISABLE", "1", 1);
  }
  search().library->functions().set_device(device_of(world));
  return true;
}

}  // namespace
}  // namespace trireme::test

int main(int argc, char** argv) {
  return trireme::test::run_mpi_tests(argc, argv, trireme::test::kTestSeconds, trireme::test::prepare);
}
