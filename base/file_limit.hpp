// Explains why a write failed, in words that say what to do.
#pragma once

#include <string>

namespace trireme::base {

/// errno's text for `code`. For EFBIG it also names this process's limit on file sizes, if one is set, and how to raise
/// it.
std::string failure_of_write(int code);

}  // namespace trireme::base
