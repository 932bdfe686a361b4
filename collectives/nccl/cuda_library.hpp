// Finds and loads libtrireme_cuda.so. This file builds and links without CUDA.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "collectives/nccl/cuda_functions.hpp"

namespace trireme::collectives {

/// A loaded library. It stays loaded until the process ends.
class CudaLibrary {
 public:
  const CudaFunctions& functions() const { return *functions_; }
  /// Another entry point of the library, or null. "trireme_cuda_kernels" returns the table of models/kernels.
  void* symbol(const char* name) const;

 private:
  friend struct CudaSearch;
  void* handle_ = nullptr;
  const CudaFunctions* functions_ = nullptr;
};

inline constexpr const char* kNoGpuVisible = "no GPU visible";

/// The result of looking for devices: a library, or the reason why the program computes on the CPU.
struct CudaSearch {
  std::optional<CudaLibrary> library;
  std::string reason;  ///< kNoGpuVisible or "a GPU is visible, but this build has no libtrireme_cuda.so"

  /// Loads the library only when the driver shows a device, since loading costs a CPU rank 0.2 s and 230 MB. Throws
  /// base::Error when the library exists and cannot be loaded, or comes from another build.
  static CudaSearch run();
};

/// Why a device cannot be used, in one sentence, or nothing: Trireme's kernels and LibTorch's fused attention in bf16
/// need compute capability 8.0.
std::optional<std::string> refusal_of(const CudaDevice& device);

/// The paths where the library may be, given the program's directory: ../lib/trireme, ../lib, ../../lib/trireme.
std::vector<std::filesystem::path> cuda_library_paths(const std::filesystem::path& program_directory);

}  // namespace trireme::collectives
