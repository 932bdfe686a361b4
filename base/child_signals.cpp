#include "base/child_signals.hpp"

#include <signal.h>

namespace trireme::base {

SpawnAttributes::SpawnAttributes(short flags) {
  ::posix_spawnattr_init(&attributes_);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGXFSZ);
  ::posix_spawnattr_setsigmask(&attributes_, &none);
  ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
  ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
}

SpawnAttributes::~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }

void free_signals_for_exec() {
  sigset_t none;
  sigemptyset(&none);
  ::signal(SIGXFSZ, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void default_signal_for_exec(int signal) { ::signal(signal, SIG_DFL); }

}  // namespace trireme::base
