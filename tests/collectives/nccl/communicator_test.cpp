// The communicator's cases on device memory.
#define TRIREME_TEST_HAS_MAIN
#include <cuda_runtime_api.h>

#include <algorithm>

#include "tests/collectives/communicator_case_tests.hpp"
#include "tests/support/gpus.hpp"
#include "tests/support/mpi_main.hpp"

namespace trireme::test {
namespace {

std::optional<Gpus>& gpus() {
  static std::optional<Gpus> found;
  return found;
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
  const auto make = [] { return gpus()->communicator("device"); };
  return {
      "device", make, [](std::size_t bytes) { return std::make_unique<DeviceBuffer>(bytes); }, {0, 1, 5, 1023, 70001}};
}

INSTANTIATE_TEST_SUITE_P(Device, CommunicatorCases,
                         testing::Combine(testing::Values(device()), testing::ValuesIn(kCommunicatorCases)),
                         name_of_case);

TEST(CudaLibrary, DescribesItsDevices) {
  const collectives::CudaDevice found = gpus()->functions().device(gpus()->index());
  EXPECT_EQ(found.uuid.substr(0, 4), "GPU-");
  EXPECT_EQ(found.uuid.size(), 40u);
  EXPECT_FALSE(found.name.empty());
  EXPECT_GE(found.memory_bytes, gpus()->functions().free_bytes());
  EXPECT_GE(found.compute_capability, 70);
}

bool prepare(collectives::MpiWorld& world) {
  gpus() = Gpus::find(world);
  return gpus().has_value();
}

}  // namespace
}  // namespace trireme::test

int main(int argc, char** argv) {
  return trireme::test::run_mpi_tests(argc, argv, trireme::test::kTestSeconds, trireme::test::prepare);
}
