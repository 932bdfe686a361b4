#include "base/signals.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace trireme::base {
namespace {

constexpr int kStops[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};

// What is done to signals lasts as long as the process: every case has one of its own. How it ended, as waitpid tells.
int status_of_child(const std::function<bool()>& good) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : kStops) ::signal(signal, SIG_DFL);
    ::_exit(good() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

bool holds_in_child(const std::function<bool()>& good) { return status_of_child(good) == 0; }

void send(int signal) { ::kill(::getpid(), signal); }

int wait_for(const SignalThread& signals) {
  while (signals.received() == 0) ::sched_yield();
  return signals.received();
}

// A set of signals in /proc: "SigBlk" of a thread of this process.
unsigned long signal_set(const std::filesystem::path& status, const std::string& name) {
  std::ifstream file(status);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1), nullptr, 16);
  }
  return ~0UL;
}

bool in_set(unsigned long set, int signal) { return (set >> (signal - 1) & 1) != 0; }

TEST(SignalThread, RemembersTheFirstOfEachKind) {
  for (const int signal : kStops) {
    EXPECT_TRUE(holds_in_child([&] {
      const SignalThread signals;
      if (signals.received() != 0) return false;
      send(signal);
      if (wait_for(signals) != signal) return false;
      for (int i = 0; i < 100; ++i) send(SIGUSR1);
      return signals.received() == signal;
    })) << signal_name(signal);
  }
}

TEST(SignalThread, HearsWhatArrivedWhileTheSignalsWereBlocked) {
  EXPECT_TRUE(holds_in_child([] {
    block_stop_signals();
    send(SIGTERM);
    const SignalThread signals;
    return wait_for(signals) == SIGTERM;
  }));
}

TEST(SignalThread, AnActionIsCalledAlsoForASignalThatCameBeforeIt) {
  EXPECT_TRUE(holds_in_child([] {
    SignalThread signals;
    std::atomic<int> told{0}, times{0};
    send(SIGINT);
    wait_for(signals);
    signals.on_signal([&](int signal) {
      told = signal;
      ++times;
    });
    while (times < 1) ::sched_yield();
    if (told != SIGINT) return false;
    send(SIGHUP);
    while (times < 2) ::sched_yield();
    signals.on_signal(nullptr);
    return told == SIGHUP && signals.received() == SIGINT;
  }));
}

TEST(SignalThread, AnActionMayEndTheProcessAsTheSignalWouldHave) {
  for (const int signal : kStops) {
    const int status = status_of_child([&] {
      SignalThread signals;
      signals.on_signal(end_by_signal);
      send(signal);
      for (;;) ::pause();
      return true;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << signal_name(signal) << ", status " << status;
  }
}

TEST(SignalThread, AnActionHasReturnedBeforeAnotherTakesItsPlace) {
  EXPECT_TRUE(holds_in_child([] {
    SignalThread signals;
    std::atomic<bool> entered{false}, left{false};
    signals.on_signal([&](int) {
      entered = true;
      for (int i = 0; i < 1000; ++i) ::sched_yield();
      left = true;
    });
    send(SIGTERM);
    while (!entered) ::sched_yield();
    signals.on_signal(nullptr);
    return left.load();
  }));
}

TEST(SignalThread, LateSignalsChangeNothing) {
  for (const int signal : kStops) {
    EXPECT_TRUE(holds_in_child([&] {
      {
        const SignalThread signals;
        send(signal);
        wait_for(signals);
      }
      send(signal);
      send(SIGUSR1);
      return true;
    })) << signal_name(signal);
  }
}

TEST(SignalThread, IgnoredSignalsStayIgnored) {
  EXPECT_TRUE(holds_in_child([] {
    ::signal(SIGHUP, SIG_IGN);  // nohup
    ::signal(SIGINT, SIG_IGN);  // a shell's background
    const SignalThread signals;
    const std::filesystem::path status = "/proc/self/status";
    if (in_set(signal_set(status, "SigBlk"), SIGHUP) || !in_set(signal_set(status, "SigIgn"), SIGHUP)) return false;
    send(SIGHUP);
    send(SIGINT);
    send(SIGUSR1);
    return wait_for(signals) == SIGUSR1;
  }));
}

TEST(SignalThread, NoThreadTakesASignalByAHandlerOrByItsDefaultAction) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer adds a thread of its own and handles signals first";
#endif
  EXPECT_TRUE(holds_in_child([] {
    const SignalThread signals;
    std::atomic<bool> over{false};
    std::thread later([&] {
      while (!over) ::sched_yield();
    });
    bool good = true;
    int threads = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      ++threads;
      for (const int signal : kStops) {
        good = good && in_set(signal_set(task.path() / "status", "SigBlk"), signal) &&
               !in_set(signal_set(task.path() / "status", "SigCgt"), signal);
      }
    }
    over = true;
    later.join();
    return good && threads == 3;
  }));
}

void handler(int) {}
void other_handler(int) {}

TEST(KeptHandlers, TakesAwayWhatALibraryInstalled) {
  EXPECT_TRUE(holds_in_child([] {
    ::signal(SIGBUS, handler);
    ::signal(SIGSEGV, SIG_DFL);
    ::signal(SIGFPE, SIG_DFL);
    const KeptHandlers kept;
    ::signal(SIGBUS, other_handler);
    ::signal(SIGSEGV, handler);
    ::signal(SIGFPE, SIG_IGN);
    kept.restore();
    return ::signal(SIGBUS, SIG_DFL) == handler && ::signal(SIGSEGV, SIG_DFL) == SIG_DFL &&
           ::signal(SIGFPE, SIG_DFL) == SIG_IGN;
  }));
}

TEST(FileSizeSignal, AWriteBeyondTheLimitIsAnErrorAndNotTheEnd) {
  EXPECT_TRUE(holds_in_child([] {
    ignore_file_size_signal();
    std::FILE* file = std::tmpfile();
    const rlimit limit{1, 1};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return ::write(::fileno(file), "ab", 2) == 1 && ::write(::fileno(file), "c", 1) == -1 && errno == EFBIG;
  }));
}

}  // namespace
}  // namespace trireme::base
