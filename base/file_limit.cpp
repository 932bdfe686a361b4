#include "base/file_limit.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace trireme::base {

std::string failure_of_write(int code) {
  struct rlimit limit {};
  if (code == EFBIG && ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return str(std::strerror(code), ": this shell lets no file grow beyond ", limit.rlim_cur,
               " bytes; raise the limit (ulimit -f unlimited)");
  }
  return std::strerror(code);
}

}  // namespace trireme::base
