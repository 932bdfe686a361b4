// What must be found, from comparing bytes with those that were saved: no checksum is used.
#pragma once

#include <set>
#include <string>

#include "tests/io/checkpoint/damage_run.hpp"

namespace trireme::checkpoint::tests {

struct Expectation {
  std::set<std::string> required;  ///< objects that verify must name
  std::set<std::string> allowed;   ///< objects that it may name too: parts of a file that is not there whole
  std::set<std::string> foreign;   ///< those of `required` that do not belong to the checkpoint

  /// Whether all that the checkpoint is made of is as it was saved.
  bool usable() const { return required == foreign; }
};

/// For run.newest() as it is now.
Expectation expectation(const DamageRun& run);

}  // namespace trireme::checkpoint::tests
