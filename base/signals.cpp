#include "base/signals.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace trireme::base {
namespace {

constexpr int kStopSignals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};

bool is_ignored(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

// An ignored signal would be taken all the same once it is blocked, so ignored signals are left out.
sigset_t heard_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kStopSignals) {
    if (!is_ignored(signal)) sigaddset(&signals, signal);
  }
  return signals;
}

bool has_handler(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

bool same_handler(const struct sigaction& a, const struct sigaction& b) {
  if (((a.sa_flags ^ b.sa_flags) & SA_SIGINFO) != 0) return false;
  return (a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction == b.sa_sigaction : a.sa_handler == b.sa_handler;
}

class Descriptor {
 public:
  Descriptor(int value, const char* what) : value_(value) {
    if (value_ < 0) throw Error(str("cannot listen for signals: ", what, ": ", std::strerror(errno)));
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(value_); }
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

const char* signal_name(int signal) {
  switch (signal) {
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGUSR1: return "SIGUSR1";
    case SIGUSR2: return "SIGUSR2";
    case SIGHUP: return "SIGHUP";
    default: return "a signal";
  }
}

void block_stop_signals() {
  const sigset_t signals = heard_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void ignore_file_size_signal() { ::signal(SIGXFSZ, SIG_IGN); }

void end_by_signal(int signal) {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  ::signal(signal, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

struct SignalThread::State {
  sigset_t signals = heard_signals();
  Descriptor arrivals{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"};
  Descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"};
  std::atomic<int> received{0};
  std::atomic<bool> over{false};
  std::mutex mutex;  // held while an action runs
  Action action;
  bool tell_first = false;  // the action is new and must be told of an earlier signal
  std::thread thread;

  void run() {
    pollfd ends[2] = {{arrivals.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    while (!over) {
      if (::poll(ends, 2, -1) < 0) continue;
      std::uint64_t ignored;
      if ((ends[1].revents & POLLIN) != 0) [[maybe_unused]]
        const auto got = ::read(wake.get(), &ignored, sizeof ignored);
      if (over) return;
      signalfd_siginfo info;
      const bool taken = ::read(arrivals.get(), &info, sizeof info) == sizeof info;
      take(taken ? static_cast<int>(info.ssi_signo) : 0);
    }
  }

  void take(int signal) {
    const std::lock_guard lock(mutex);
    if (std::exchange(tell_first, false) && action) action(received);
    if (signal == 0) return;
    int none = 0;
    received.compare_exchange_strong(none, signal);
    if (action) action(signal);
  }

  void wake_up() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
  }
};

SignalThread::SignalThread() {
  block_stop_signals();
  state_ = std::make_unique<State>();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

SignalThread::~SignalThread() {
  state_->over = true;
  state_->wake_up();
  state_->thread.join();
}

int SignalThread::received() const noexcept { return state_->received; }

void SignalThread::on_signal(Action action) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->action = std::move(action);
    state_->tell_first = state_->action && state_->received != 0;
  }
  state_->wake_up();
}

KeptHandlers::KeptHandlers() : actions_(std::make_unique<std::array<struct sigaction, 65>>()) {
  for (int signal = 1; signal < static_cast<int>(actions_->size()); ++signal) {
    ::sigaction(signal, nullptr, &(*actions_)[static_cast<std::size_t>(signal)]);
  }
}

KeptHandlers::~KeptHandlers() = default;

void KeptHandlers::restore() const {
  for (int signal = 1; signal < static_cast<int>(actions_->size()); ++signal) {
    const struct sigaction& kept = (*actions_)[static_cast<std::size_t>(signal)];
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0) continue;  // reserved by the C library
    if (has_handler(now) && !same_handler(now, kept)) ::sigaction(signal, &kept, nullptr);
  }
}

}  // namespace trireme::base
