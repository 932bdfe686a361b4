// Any text as HUB.json.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "launcher/hub/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  trireme::launcher::HubRecord record;
  try {
    record = trireme::launcher::parse_hub_record(text, "HUB.json");
  } catch (const trireme::base::InputError&) {
    return 0;
  }
  const std::string written = to_text(record);
  if (to_text(trireme::launcher::parse_hub_record(written, "HUB.json")) != written) std::abort();
  for (const auto& [name, kept] : record.kept) {
    if (kept.bytes > (1 << 20)) continue;
    try {
      if (unpack(kept, name).size() != kept.bytes) std::abort();
    } catch (const trireme::base::InputError&) {
      // It is not what pack() made.
    }
  }
  return 0;
}
