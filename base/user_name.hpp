// User names for messages.
#pragma once

#include <cstdint>
#include <string>

namespace trireme::base {

/// The name of user `id`, or "user <id>" where the system knows none.
std::string user_name(std::uint32_t id);

}  // namespace trireme::base
