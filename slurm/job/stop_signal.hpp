// Stop requests by signal: the only global state of Trireme is the flag that a signal handler may set.
#pragma once

namespace trireme::slurm {

/// Installs handlers for SIGTERM, SIGINT and SIGUSR1 that set a flag and nothing else; restores the previous
/// handlers at destruction. One object at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// The number of the first stop signal that reached this process, 0 when none did.
  int received() const;
};

/// "SIGTERM", "SIGINT", "SIGUSR1"; "a signal" for any other number.
const char* signal_name(int signal);

}  // namespace trireme::slurm
