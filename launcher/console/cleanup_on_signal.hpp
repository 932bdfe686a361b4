// Removes temporary files when a signal such as Ctrl-C ends the program.
#pragma once

#include <string>
#include <vector>

#include "base/signals.hpp"

namespace trireme::launcher {

/// Holds the stop signals back from its construction on. From watch() on, a stop signal removes the files and then ends
/// the process as usual. Make it before any other thread and before the files, so that no signal arrives in between.
class CleanupOnSignal {
 public:
  /// Names the files to remove; call it once.
  void watch(std::vector<std::string> files);

 private:
  base::SignalThread signals_;
};

}  // namespace trireme::launcher
