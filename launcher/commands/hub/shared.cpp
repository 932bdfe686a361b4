#include "launcher/commands/hub/shared.hpp"

#include <algorithm>

#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/program/version.hpp"

namespace trireme::launcher {

int hub_threads(std::int64_t asked) {
  constexpr int kMost = 8;  // some 36 MiB each
  return asked > 0 ? static_cast<int>(asked) : std::min(usable_cores(), kMost);
}

base::Json library_versions_json() {
  base::Json versions;
  for (const LibraryVersion& library : library_versions()) {
    versions[library.name] = library.loaded.empty() ? library.built_with : library.loaded;
  }
  return versions;
}

}  // namespace trireme::launcher
