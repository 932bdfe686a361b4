#include "tests/fake/memory.hpp"

#include <cstring>
#include <sstream>

namespace trireme::fake {

void* Memory::allocate(std::size_t bytes, int device, int rank) {
  auto data = std::make_unique<char[]>(bytes + 1);
  fill_bytes(data.get(), kNothing, bytes + 1);
  char* begin = data.get();
  allocations_[begin] = {bytes, device, rank, std::move(data)};
  return begin;
}

bool Memory::release(void* data) { return allocations_.erase(static_cast<const char*>(data)) == 1; }

bool Memory::pin(const Range& range, int rank) {
  for (const auto& [begin, pinned] : pinned_) {
    if (range.touches({begin, pinned.bytes})) return false;
  }
  pinned_[range.begin] = {range.bytes, rank};
  return true;
}

const Allocation* Memory::containing(const char* data, const char** begin) const {
  auto after = allocations_.upper_bound(data);
  if (after == allocations_.begin()) return nullptr;
  --after;
  *begin = after->first;
  return data <= after->first + after->second.bytes ? &after->second : nullptr;
}

const Allocation* Memory::find(const void* data) const {
  const char* begin = nullptr;
  return containing(static_cast<const char*>(data), &begin);
}

std::string Memory::refusal(const Range& range, int device) const {
  if (range.bytes == 0) return "";
  const char* begin = nullptr;
  const Allocation* found = containing(range.begin, &begin);
  if (found == nullptr) return "memory that is not allocated on a device";
  std::ostringstream text;
  if (range.begin + range.bytes > begin + found->bytes) {
    text << range.bytes << " bytes at offset " << range.begin - begin << " of an allocation of " << found->bytes;
  } else if (found->device != device) {
    text << "memory of device " << found->device << " on device " << device;
  }
  return text.str();
}

}  // namespace trireme::fake
