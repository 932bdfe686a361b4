#include "launcher/options/stop_rule.hpp"

#include <sstream>

#include "base/error.hpp"
#include "launcher/options/number.hpp"

namespace trireme::options {

StopRule parse_stop_rule(const std::string& text) {
  std::istringstream words(text);
  std::string kind, number, more;
  words >> kind >> number >> more;
  if (kind.empty()) return {};
  const auto validations = parse_integer(number);
  if (kind == "plateau" && validations && *validations >= 1 && more.empty()) {
    return {StopRule::Kind::kPlateau, *validations, 0.0};
  }
  const auto loss = parse_number(number);
  if (kind == "target" && loss && *loss > 0 && more.empty()) return {StopRule::Kind::kTarget, 0, *loss};
  throw base::InputError(base::str("train.stop_when = ", text,
                                   " is no rule: write plateau N (N validations in a row without a new lowest "
                                   "valid_loss), or target X (a valid_loss of at most X, above 0)"));
}

std::string to_string(const StopRule& rule) {
  if (rule.kind == StopRule::Kind::kPlateau) return base::str("plateau ", rule.validations);
  return rule.kind == StopRule::Kind::kTarget ? "target " + format_number(rule.loss) : "";
}

}  // namespace trireme::options
