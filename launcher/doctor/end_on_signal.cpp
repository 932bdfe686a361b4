#include "launcher/doctor/end_on_signal.hpp"

#include <chrono>
#include <csignal>
#include <utility>

namespace trireme::doctor {

EndOnSignal::EndOnSignal(std::function<void()> cleanup) : cleanup_(std::move(cleanup)), thread_([this] { watch(); }) {}

EndOnSignal::~EndOnSignal() {
  over_ = true;
  thread_.join();
}

void EndOnSignal::watch() {
  // A launcher that ends its ranks kills them a second after it asked.
  constexpr std::chrono::milliseconds kBetweenLooks{20};
  while (!over_) {
    if (const int signal = signals_.received(); signal != 0) {
      cleanup_();
      std::signal(signal, SIG_DFL);
      std::raise(signal);
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace trireme::doctor
