// The entry point of libtrireme_cuda.so.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstdio>

#include "base/error.hpp"
#include "collectives/nccl/checks.hpp"
#include "collectives/nccl/communicator.hpp"
#include "collectives/nccl/cuda_functions.hpp"

namespace trireme::collectives {

namespace {

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += "-";
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += digits;
  }
  return text;
}

void set_device(int index) { check_cuda(cudaSetDevice(index), "choosing a device"); }

CudaDevice device(int index) {
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, index), "asking a device's properties");
  return {properties.name, uuid_text(properties.uuid), properties.totalGlobalMem,
          properties.major * 10 + properties.minor};
}

std::size_t free_bytes() {
  std::size_t free = 0;
  std::size_t all = 0;
  check_cuda(cudaMemGetInfo(&free, &all), "asking the device's memory");
  return free;
}

void synchronize() { check_cuda(cudaDeviceSynchronize(), "waiting for the device"); }

void* allocate(std::size_t bytes) {
  void* data = nullptr;
  check_cuda(cudaMalloc(&data, bytes), "allocating device memory");
  const cudaError_t code = cudaMemset(data, 0, bytes);
  if (code != cudaSuccess) cudaFree(data);
  check_cuda(code, "clearing device memory");
  return data;
}

void release(void* data) noexcept { cudaFree(data); }

void register_host(void* data, std::size_t bytes) {
  check_cuda(cudaHostRegister(data, bytes, cudaHostRegisterDefault), "pinning host memory");
}

void unregister_host(void* data) noexcept { cudaHostUnregister(data); }

std::string nccl_version() {
  int version = 0;
  check_nccl(ncclGetVersion(&version), "asking the version", "world");
  return base::str(version / 10000, ".", version / 100 % 100, ".", version % 100);
}

}  // namespace

}  // namespace trireme::collectives

extern "C" __attribute__((visibility("default"))) const trireme::collectives::CudaFunctions* trireme_cuda_functions() {
  using namespace trireme::collectives;
  static constexpr CudaFunctions kFunctions{kCudaFunctionsVersion,
                                            device_count,
                                            device,
                                            set_device,
                                            free_bytes,
                                            synchronize,
                                            allocate,
                                            release,
                                            register_host,
                                            unregister_host,
                                            nccl_version,
                                            NcclCommunicator::make_world};
  return &kFunctions;
}
