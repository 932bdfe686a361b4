#include "collectives/nccl/cuda_library.hpp"

#include <dlfcn.h>

#include "base/error.hpp"

namespace trireme::collectives {

namespace {

/// Asks the driver whether a device is visible, without linking the driver.
bool device_is_visible() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return false;
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto count = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  int devices = 0;
  return init != nullptr && count != nullptr && init(0) == 0 && count(&devices) == 0 && devices > 0;
}

std::string last_dl_error() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error" : text;
}

}  // namespace

std::vector<std::filesystem::path> cuda_library_paths(const std::filesystem::path& program_directory) {
  constexpr const char* kName = "libtrireme_cuda.so";
  const std::filesystem::path above = program_directory.parent_path();
  return {above / "lib" / "trireme" / kName, above / "lib" / kName, above.parent_path() / "lib" / "trireme" / kName};
}

std::optional<std::string> refusal_of(const CudaDevice& device) {
  constexpr int kLeast = 80;
  if (device.compute_capability >= kLeast) return std::nullopt;
  return base::str("the GPU ", device.name, " has compute capability ", device.compute_capability / 10, ".",
                   device.compute_capability % 10,
                   "; Trireme needs 8.0 (A100) or newer: ask the queue for such nodes, or set train.device = cpu");
}

void* CudaLibrary::symbol(const char* name) const { return dlsym(handle_, name); }

CudaSearch CudaSearch::run() {
  CudaSearch search;
  if (!device_is_visible()) {
    search.reason = kNoGpuVisible;
    return search;
  }
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  for (const auto& path : cuda_library_paths(program.parent_path())) {
    if (!std::filesystem::exists(path)) continue;
    CudaLibrary library;
    library.handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library.handle_ == nullptr) {
      throw base::Error(base::str("a GPU is visible, but ", path.string(), " cannot be loaded: ", last_dl_error()));
    }
    const auto entry = reinterpret_cast<CudaFunctionsEntry>(library.symbol("trireme_cuda_functions"));
    library.functions_ = entry == nullptr ? nullptr : entry();
    if (library.functions_ == nullptr || library.functions_->version != kCudaFunctionsVersion) {
      throw base::Error(base::str(path.string(), " is of another build of Trireme; build and install both together"));
    }
    search.library = library;
    return search;
  }
  search.reason = "a GPU is visible, but this build has no libtrireme_cuda.so";
  return search;
}

}  // namespace trireme::collectives
