// One thread takes the signals that ask a program to end; no handler ever runs. Generated kernels (oneDNN's) keep other
// addresses in the stack pointer, and a handler would overwrite what lies there
// (docs/adr/0005-signals-in-one-thread.md).
#pragma once

#include <array>
#include <functional>
#include <memory>

struct sigaction;

namespace trireme::base {

/// "SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGHUP"; "a signal" for any other number.
const char* signal_name(int signal);

/// Blocks SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGHUP in the calling thread, in the threads that it starts from now on
/// and in the program that this process execs; those that arrive wait for a SignalThread. A signal that the process
/// ignores (SIGHUP under nohup, SIGINT in a shell's background) is left alone and stays ignored. Call it before any
/// other thread is made.
void block_stop_signals();

/// Ignores SIGXFSZ: a write beyond the limit of a file's size then fails with EFBIG, like any other write that fails.
void ignore_file_size_signal();

/// Ends the process by `signal` as if nobody had blocked it, so that its parent sees which signal killed it.
[[noreturn]] void end_by_signal(int signal);

/// Takes the stop signals in a thread of its own. The constructor blocks them (block_stop_signals). They stay blocked
/// after the destructor, so a signal that arrives while the process ends changes nothing. At most one object exists at
/// a time. Make it before any other thread, or that thread would take a signal by its default action.
class SignalThread {
 public:
  using Action = std::function<void(int signal)>;

  SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread();

  /// The number of the first stop signal that was taken; 0 when none was.
  int received() const noexcept;

  /// From now on the thread calls `action` with each signal, and right away with the first one if some were taken
  /// before. An empty action only remembers signals, as before the first call. Returns only when an earlier action has
  /// returned, so what that one used may be destroyed afterwards. An action must not throw.
  void on_signal(Action action);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Remembers the signal handlers at its construction, so that handlers which a library installs later can be removed.
class KeptHandlers {
 public:
  KeptHandlers();
  KeptHandlers(const KeptHandlers&) = delete;
  KeptHandlers& operator=(const KeptHandlers&) = delete;
  ~KeptHandlers();

  /// Restores the old action of every signal for which a library has installed a handler since. Open MPI's handlers,
  /// for example, print a backtrace on the stack of the thread that crashed.
  void restore() const;

 private:
  std::unique_ptr<std::array<struct sigaction, 65>> actions_;
};

}  // namespace trireme::base
