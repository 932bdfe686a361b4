// A buffer of the fake device for the communicator's cases.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "tests/collectives/communicator_cases.hpp"

namespace trireme::test {

class FakeDeviceBuffer final : public Buffer {
 public:
  explicit FakeDeviceBuffer(std::size_t bytes) { EXPECT_EQ(cudaMalloc(&data_, bytes + 16), cudaSuccess); }
  ~FakeDeviceBuffer() override { cudaFree(data_); }
  FakeDeviceBuffer(const FakeDeviceBuffer&) = delete;
  FakeDeviceBuffer& operator=(const FakeDeviceBuffer&) = delete;
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

}  // namespace trireme::test
