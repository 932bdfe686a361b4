// The version of Boost that this folder was built with (no other folder includes Boost).
#pragma once

#include <string>

namespace trireme::options {

std::string boost_version();  ///< "1.74.0"

}  // namespace trireme::options
