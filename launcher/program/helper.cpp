#include "launcher/program/helper.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/own_program.hpp"
#include "base/signals.hpp"

namespace trireme::launcher {
namespace {

// Takes some 50 us: longer than the gap between two parallel loops of a step, and far shorter than a time slice.
constexpr const char* kSpins = "1000";

/// By libgomp's default, OpenMP's waiting threads spin for some 10 ms. On a busy machine they then take the CPU from
/// the thread that they wait for, and a step takes twenty times as long. A value that the user set stays.
void let_waiting_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", kSpins, 0);
}

}  // namespace

std::filesystem::path helper_path() {
  const std::filesystem::path program = base::own_program();
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
  let_waiting_threads_sleep();
  base::block_stop_signals();  // a signal waits until the helper's signal thread runs
  execv(helper.c_str(), words.data());
  throw base::Error(base::str("cannot run ", helper, ": ", std::strerror(errno)));
}

}  // namespace trireme::launcher
