// One line of metrics.jsonl, looked at quickly: a run may have millions of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.hpp"

namespace trireme::launcher {

struct MetricsLine {
  std::int64_t step = 0;
  bool validated = false;  ///< it has a valid_loss
};

/// Nothing when the text is no JSON object with a whole number "step" (or, without one, "saved_step"). What Trireme
/// writes itself (a flat object of numbers that begins with the step) is read without building anything; all else by
/// the JSON library.
std::optional<MetricsLine> read_metrics_line(std::string_view text);

/// Parses a line of metrics.jsonl that somebody's own program may have written: Python's json writes NaN and Infinity,
/// which JSON does not have. They, and numbers too large for a double, become null. Discarded (is_discarded()) where
/// the text is no JSON otherwise.
base::Json parse_metrics_line(std::string_view text);

}  // namespace trireme::launcher
