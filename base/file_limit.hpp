// Why a write failed, in words that say what to do.
#pragma once

#include <string>

namespace trireme::base {

/// errno's text for `code`; for EFBIG the limit of this process for the length of files, when there is one, and how it
/// is raised.
std::string failure_of_write(int code);

}  // namespace trireme::base
