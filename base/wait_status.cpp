#include "base/wait_status.hpp"

#include <sys/wait.h>

namespace trireme::base {

int code_of_wait_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace trireme::base
