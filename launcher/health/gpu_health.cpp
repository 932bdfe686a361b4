#include "launcher/health/gpu_health.hpp"

#include <dlfcn.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"

namespace trireme::launcher {
namespace {

// These repeat what nvml.h declares, since that header is no part of the CUDA toolkit.
using Device = void*;
using EventSet = void*;
struct EventData {
  Device device;
  unsigned long long type;
  unsigned long long data;  ///< the Xid number
  unsigned int gpu_instance;
  unsigned int compute_instance;
};
constexpr int kSuccess = 0;
constexpr int kUncorrected = 1;  // NVML_MEMORY_ERROR_TYPE_UNCORRECTED
constexpr int kVolatile = 0;     // NVML_VOLATILE_ECC: since the driver was loaded
constexpr unsigned long long kXidCriticalError = 8;
struct Slowdown {
  unsigned long long bit;
  const char* name;
};
constexpr Slowdown kSlowdowns[] = {
    {0x08, "a hardware slowdown"}, {0x20, "heat"}, {0x40, "heat (hardware)"}, {0x80, "a power brake"}};

}  // namespace

struct GpuWatch::Library {
  explicit Library(void* opened) : handle(opened) {}
  ~Library() {
    if (shutdown != nullptr) shutdown();
    ::dlclose(handle);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  /// Null where the driver's library is too old for it.
  template <typename Function>
  void find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(handle, name));
  }

  void* handle;
  int (*shutdown)() = nullptr;  ///< set once initialised
  int (*handle_by_uuid)(const char*, Device*) = nullptr;
  int (*ecc_errors)(Device, int, int, unsigned long long*) = nullptr;
  int (*remapped_rows)(Device, unsigned*, unsigned*, unsigned*, unsigned*) = nullptr;
  int (*throttle_reasons)(Device, unsigned long long*) = nullptr;
  int (*create_events)(EventSet*) = nullptr;
  int (*free_events)(EventSet) = nullptr;
  int (*register_events)(Device, unsigned long long, EventSet) = nullptr;
  int (*wait_for_event)(EventSet, EventData*, unsigned) = nullptr;
};

std::string to_string(const GpuHealth& health) {
  std::vector<std::string> parts;
  if (health.uncorrected_ecc > 0) {
    parts.push_back(
        base::str(health.uncorrected_ecc, " uncorrectable memory error", health.uncorrected_ecc == 1 ? "" : "s"));
  }
  if (health.remap_failed) parts.emplace_back("a broken memory row without a spare one");
  if (health.remap_pending) parts.emplace_back("a broken memory row that only a reset replaces");
  for (const std::string& reason : health.slowed_by) parts.push_back("lower clocks by " + reason);
  for (const std::uint64_t xid : health.xids) parts.push_back(base::str("Xid ", xid));
  return base::join(parts, "; ");
}

std::string gpu_remark(const std::shared_ptr<GpuWatch>& watch) {
  constexpr std::chrono::seconds kPatience(2);
  if (!watch) return "";
  auto answer = std::make_shared<std::promise<std::string>>();
  std::future<std::string> sickness = answer->get_future();
  // Nobody can end a call that hangs in the driver; the process ends soon.
  std::thread([watch, answer] { answer->set_value(to_string(watch->look())); }).detach();
  if (sickness.wait_for(kPatience) != std::future_status::ready) return "; the driver of its GPU does not answer";
  const std::string text = sickness.get();
  return text.empty() ? "" : "; its GPU has " + text;
}

bool is_broken(const GpuHealth& health) {
  return health.uncorrected_ecc > 0 || health.remap_failed || health.remap_pending || !health.xids.empty();
}

std::unique_ptr<GpuWatch> GpuWatch::begin(const std::string& uuid, const char* library) {
  void* handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  auto nvml = std::make_unique<Library>(handle);
  int (*initialise)() = nullptr;
  nvml->find(initialise, "nvmlInit_v2");
  nvml->find(nvml->handle_by_uuid, "nvmlDeviceGetHandleByUUID");
  if (initialise == nullptr || nvml->handle_by_uuid == nullptr || initialise() != kSuccess) return nullptr;
  nvml->find(nvml->shutdown, "nvmlShutdown");
  nvml->find(nvml->ecc_errors, "nvmlDeviceGetTotalEccErrors");
  nvml->find(nvml->remapped_rows, "nvmlDeviceGetRemappedRows");
  nvml->find(nvml->throttle_reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
  nvml->find(nvml->create_events, "nvmlEventSetCreate");
  nvml->find(nvml->free_events, "nvmlEventSetFree");
  nvml->find(nvml->register_events, "nvmlDeviceRegisterEvents");
  nvml->find(nvml->wait_for_event, "nvmlEventSetWait_v2");
  Device device = nullptr;
  if (nvml->handle_by_uuid(uuid.c_str(), &device) != kSuccess) return nullptr;
  return std::unique_ptr<GpuWatch>(new GpuWatch(std::move(nvml), device));
}

GpuWatch::GpuWatch(std::unique_ptr<Library> library, void* device) : library_(std::move(library)), device_(device) {
  Library& nvml = *library_;
  if (nvml.create_events == nullptr || nvml.free_events == nullptr || nvml.register_events == nullptr ||
      nvml.wait_for_event == nullptr || nvml.create_events(&events_) != kSuccess) {
    events_ = nullptr;
    return;
  }
  if (nvml.register_events(device_, kXidCriticalError, events_) == kSuccess) return;
  nvml.free_events(events_);
  events_ = nullptr;
}

GpuWatch::~GpuWatch() {
  if (events_ != nullptr) library_->free_events(events_);
}

GpuHealth GpuWatch::look() {
  const std::lock_guard lock(mutex_);
  Library& nvml = *library_;
  GpuHealth health;
  unsigned long long count = 0;
  if (nvml.ecc_errors != nullptr && nvml.ecc_errors(device_, kUncorrected, kVolatile, &count) == kSuccess) {
    health.uncorrected_ecc = count;
  }
  unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
  if (nvml.remapped_rows != nullptr &&
      nvml.remapped_rows(device_, &corrected, &uncorrected, &pending, &failed) == kSuccess) {
    health.remap_pending = pending != 0;
    health.remap_failed = failed != 0;
  }
  unsigned long long reasons = 0;
  if (nvml.throttle_reasons != nullptr && nvml.throttle_reasons(device_, &reasons) == kSuccess) {
    for (const Slowdown& slowdown : kSlowdowns) {
      if ((reasons & slowdown.bit) != 0) health.slowed_by.emplace_back(slowdown.name);
    }
  }
  EventData event{};
  constexpr std::size_t kMost = 100;
  while (events_ != nullptr && xids_.size() < kMost && nvml.wait_for_event(events_, &event, 0) == kSuccess) {
    if (event.type == kXidCriticalError) xids_.push_back(event.data);
  }
  health.xids = xids_;
  return health;
}

}  // namespace trireme::launcher
