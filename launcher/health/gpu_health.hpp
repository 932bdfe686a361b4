// What the NVIDIA driver knows of a GPU's health, by NVML (libnvidia-ml.so.1), which is loaded where it is there.
// Source: NVML API Reference Guide, https://docs.nvidia.com/deploy/nvml-api/.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

/// Describes one GPU. What the driver does not tell stays empty or 0.
struct GpuHealth {
  std::uint64_t uncorrected_ecc = 0;   ///< uncorrectable memory errors since the driver was loaded
  bool remap_pending = false;          ///< a row of the memory is to be replaced at the next reset
  bool remap_failed = false;           ///< no spare row was left
  std::vector<std::string> slowed_by;  ///< reasons for lower clocks that say something is wrong: "heat", "power brake"
  std::vector<std::uint64_t> xids;     ///< critical errors (Xid numbers) since the watch began

  bool operator==(const GpuHealth&) const = default;
};

/// "3 uncorrectable memory errors; lower clocks by heat; Xid 79"; "" when nothing is wrong.
std::string to_string(const GpuHealth& health);
/// Whether it makes wrong numbers or fails: anything but lower clocks.
bool is_broken(const GpuHealth& health);

class GpuWatch;
/// "; its GPU has 3 uncorrectable memory errors", to be put behind a message; "" when nothing is wrong, or `watch` is
/// null. Does not wait longer than two seconds for the driver, which may hang when a GPU is gone; it says so then.
std::string gpu_remark(const std::shared_ptr<GpuWatch>& watch);

/// Watches one GPU from its construction on.
class GpuWatch {
 public:
  /// Nothing where there is no NVML, or it does not know the GPU. `uuid`: "GPU-…".
  static std::unique_ptr<GpuWatch> begin(const std::string& uuid, const char* library = "libnvidia-ml.so.1");
  ~GpuWatch();
  GpuWatch(const GpuWatch&) = delete;
  GpuWatch& operator=(const GpuWatch&) = delete;

  /// Asks the driver; a few milliseconds. Thread-safe.
  GpuHealth look();

 private:
  struct Library;
  GpuWatch(std::unique_ptr<Library> library, void* device);

  std::unique_ptr<Library> library_;
  void* device_;
  std::mutex mutex_;
  void* events_ = nullptr;  ///< null where the driver does not tell critical errors
  std::vector<std::uint64_t> xids_;
};

}  // namespace trireme::launcher
