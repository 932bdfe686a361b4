// Random names for temporary files in directories where others may write: nobody can guess them.
#pragma once

#include <string>

namespace trireme::base {

/// 16 hex digits from the kernel's random numbers.
std::string random_name();

}  // namespace trireme::base
