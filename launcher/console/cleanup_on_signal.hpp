// Temporary files and bars do not survive Ctrl-C.
#pragma once

#include <string>
#include <vector>

#include "base/signals.hpp"

namespace trireme::launcher {

/// From construction on the stop signals wait; from watch() on they wipe the bar, remove the files and then end the
/// process as they always do. To be made before any other thread and before the files, so that no signal falls in
/// between.
class CleanupOnSignal {
 public:
  /// Names the files to remove; call it once.
  void watch(std::vector<std::string> files);

 private:
  base::SignalThread signals_;
};

}  // namespace trireme::launcher
