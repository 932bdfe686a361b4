// The machine's name.
#pragma once

#include <string>

namespace trireme::base {

/// What gethostname says; "localhost" where it fails.
std::string host_name();

}  // namespace trireme::base
