#include "base/user_name.hpp"

#include <pwd.h>

#include <vector>

#include "base/error.hpp"

namespace trireme::base {

std::string user_name(std::uint32_t id) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return str("user ", id);
}

}  // namespace trireme::base
