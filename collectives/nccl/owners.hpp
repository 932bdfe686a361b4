// Owners of device memory and of NCCL's groups. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstddef>

#include "collectives/nccl/checks.hpp"

namespace trireme::collectives {

/// Device memory for set-up, barriers and connections. Each use ends before the host goes on.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes) { check_cuda(cudaMalloc(&data_, bytes), "allocating device memory"); }
  ~DeviceMemory() { cudaFree(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  char* data() const { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
};

/// Several calls as one operation. The first refusal counts; the group is always closed.
class Group {
 public:
  Group() : code_(ncclGroupStart()), open_(code_ == ncclSuccess) {}
  ~Group() {
    if (open_) ncclGroupEnd();
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  void add(ncclResult_t code) {
    if (code_ == ncclSuccess) code_ = code;
  }
  ncclResult_t end() {
    if (!open_) return code_;
    open_ = false;
    const ncclResult_t code = ncclGroupEnd();
    return code_ == ncclSuccess ? code : code_;
  }

 private:
  ncclResult_t code_;
  bool open_;
};

}  // namespace trireme::collectives
