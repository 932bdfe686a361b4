// Gives the programs that we start a clean signal state: nothing that we block or ignore for ourselves is passed on.
#pragma once

#include <spawn.h>

namespace trireme::base {

/// Attributes for posix_spawn: the child starts with no signal blocked and with SIGXFSZ's default action. Signals that
/// were ignored when this program started stay ignored.
class SpawnAttributes {
 public:
  /// `flags`: POSIX_SPAWN_SETSID and the like, which need no value of their own.
  explicit SpawnAttributes(short flags = 0);
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes();

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

/// Does the same for a program that is about to replace this one by exec.
void free_signals_for_exec();

/// In a program that is about to replace this one by exec, `signal` has its default action even if it was ignored when
/// this one started: a shell starts its background jobs with SIGINT ignored.
void default_signal_for_exec(int signal);

}  // namespace trireme::base
