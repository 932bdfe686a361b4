// A library like NVIDIA's libnvidia-ml.so.1 with one GPU, "GPU-fake", whose health the variable FAKE_NVML tells: words
// of ecc=N, pending, failed, throttle=BITS, xid=N. "old" leaves it without functions of newer drivers: then they say
// not supported.
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

namespace {

constexpr int kSuccess = 0, kNotSupported = 3, kNotFound = 6, kTimeout = 10;
int device, events;
bool told = false;

bool word(const std::string& name, unsigned long long* value = nullptr) {
  const char* text = std::getenv("FAKE_NVML");
  std::istringstream words(text == nullptr ? "" : text);
  for (std::string one; words >> one;) {
    if (one == name) return true;
    if (value == nullptr || !one.starts_with(name + "=")) continue;
    *value = std::strtoull(one.c_str() + name.size() + 1, nullptr, 0);
    return true;
  }
  return false;
}

}  // namespace

extern "C" {

int nvmlInit_v2() { return word("absent") ? 9 : kSuccess; }
int nvmlShutdown() { return kSuccess; }
int nvmlDeviceGetHandleByUUID(const char* uuid, void** handle) {
  *handle = &device;
  return std::strcmp(uuid, "GPU-fake") == 0 ? kSuccess : kNotFound;
}
int nvmlDeviceGetTotalEccErrors(void* of, int type, int counter, unsigned long long* count) {
  if (of != &device || type != 1 || counter != 0 || word("old")) return kNotSupported;
  *count = 0;
  word("ecc", count);
  return kSuccess;
}
int nvmlDeviceGetRemappedRows(void* of, unsigned* corrected, unsigned* uncorrected, unsigned* pending,
                              unsigned* failed) {
  if (of != &device || word("old")) return kNotSupported;
  *corrected = *uncorrected = 0;
  *pending = word("pending") ? 1 : 0;
  *failed = word("failed") ? 1 : 0;
  return kSuccess;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void* of, unsigned long long* reasons) {
  *reasons = 0;
  word("throttle", reasons);
  return of == &device ? kSuccess : kNotSupported;
}
int nvmlEventSetCreate(void** set) {
  *set = &events;
  return kSuccess;
}
int nvmlEventSetFree(void* set) { return set == &events ? kSuccess : kNotFound; }
int nvmlDeviceRegisterEvents(void* of, unsigned long long types, void* set) {
  return of == &device && types == 8 && set == &events && !word("old") ? kSuccess : kNotSupported;
}
struct EventData {
  void* device;
  unsigned long long type;
  unsigned long long data;
  unsigned gpu_instance, compute_instance;
};
int nvmlEventSetWait_v2(void* set, EventData* event, unsigned /*milliseconds*/) {
  unsigned long long xid = 0;
  if (set != &events || told || !word("xid", &xid)) return kTimeout;
  told = true;
  *event = {&device, 8, xid, 0, 0};
  return kSuccess;
}

}  // extern "C"
