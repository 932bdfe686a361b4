// train.stop_when: what a validation must show for the training to end before its last step.
#pragma once

#include <cstdint>
#include <string>

namespace trireme::options {

struct StopRule {
  enum class Kind { kNone, kPlateau, kTarget };
  Kind kind = Kind::kNone;
  std::int64_t validations = 0;  ///< kPlateau: so many in a row without a new lowest valid_loss
  double loss = 0.0;             ///< kTarget: a valid_loss of at most this

  bool operator==(const StopRule&) const = default;
};

/// "plateau 3", "target 2.5"; "" is kNone. Throws base::InputError, which names train.stop_when, for anything else.
StopRule parse_stop_rule(const std::string& text);
/// What parse_stop_rule() reads back, the same for all ways to write a rule.
std::string to_string(const StopRule& rule);

}  // namespace trireme::options
