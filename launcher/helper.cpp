#include "launcher/helper.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace trireme::launcher {

std::filesystem::path helper_path() {
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  return program.parent_path().parent_path() / "libexec" / "trireme" / "trireme-run";
}

bool helper_exists() { return access(helper_path().c_str(), X_OK) == 0; }

void exec_helper(const std::vector<std::string>& arguments) {
  const std::string helper = helper_path();
  if (access(helper.c_str(), F_OK) != 0) {
    throw base::InputError(base::str("trireme ", arguments.front(), " needs ", helper,
                                     ", which is not there: this Trireme was built without LibTorch; build it with "
                                     "scripts/setup.sh"));
  }
  std::vector<char*> words = {const_cast<char*>(helper.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(helper.c_str(), words.data());
  throw base::Error(base::str("cannot run ", helper, ": ", std::strerror(errno)));
}

}  // namespace trireme::launcher
