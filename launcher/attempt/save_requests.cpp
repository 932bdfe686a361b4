#include "launcher/attempt/save_requests.hpp"

namespace trireme::launcher {

bool SaveRequests::answer(bool saved) {
  to_answer_ = false;
  if (saved) return files_.save_made();
  files_.save_failed();
  return true;
}

}  // namespace trireme::launcher
