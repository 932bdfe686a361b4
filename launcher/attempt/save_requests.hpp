// Requests to save (`trireme save`), and when they are answered.
#pragma once

#include <string>

#include "slurm/job/control_files.hpp"

namespace trireme::launcher {

/// A save that begins while a request is there answers it when it has ended.
class SaveRequests {
 public:
  /// `files`, as last looked at, outlives the object.
  explicit SaveRequests(slurm::ControlFiles& files) : files_(files) {}

  bool asked() const { return files_.save_asked(); }
  void save_begins() { to_answer_ = asked(); }
  /// False when a request was honoured that cannot be removed.
  bool save_ended(bool saved) { return !to_answer_ || answer(saved); }
  /// The same for a request that came when its step was saved already.
  bool saved_already() { return answer(true); }

 private:
  bool answer(bool saved);

  slurm::ControlFiles& files_;
  bool to_answer_ = false;  ///< the save under way does
};

}  // namespace trireme::launcher
