#include "base/cache_directory.hpp"

#include <cstdlib>

namespace trireme::base {
namespace {

std::filesystem::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path cache_directory() {
  if (const auto cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "trireme";
  const auto home = variable("HOME");
  return home.is_absolute() ? home / ".cache" / "trireme" : std::filesystem::path();
}

}  // namespace trireme::base
