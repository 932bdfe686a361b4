#include "launcher/console/cleanup_on_signal.hpp"

#include <unistd.h>

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/status_line.hpp"

namespace trireme::launcher {

void CleanupOnSignal::watch(std::vector<std::string> files) {
  signals_.on_signal([files = std::move(files)](int signal) {
    base::end_status();
    for (const std::string& file : files) ::unlink(file.c_str());
    base::print_failure(base::str("stopped by ", base::signal_name(signal), "; nothing was written"));
    base::end_by_signal(signal);
  });
}

}  // namespace trireme::launcher
