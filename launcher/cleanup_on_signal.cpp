#include "launcher/cleanup_on_signal.hpp"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace trireme::launcher {

CleanupOnSignal::CleanupOnSignal() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

void CleanupOnSignal::watch(std::vector<std::string> files) {
  files_ = std::move(files);
  thread_ = std::thread([this] { wait(); });
}

CleanupOnSignal::~CleanupOnSignal() {
  over_ = true;
  if (thread_.joinable()) {
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void CleanupOnSignal::wait() {
  int signal = 0;
  sigwait(&signals_, &signal);
  if (over_) return;
  for (const std::string& file : files_) ::unlink(file.c_str());
  base::print_failure(base::str("stopped by ",
                                signal == SIGINT    ? "SIGINT"
                                : signal == SIGTERM ? "SIGTERM"
                                                    : "SIGHUP",
                                "; nothing was written"));
  ::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  ::kill(::getpid(), signal);
  ::_exit(128 + signal);
}

}  // namespace trireme::launcher
