// Compares the losses of two runs bit by bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/file_system.hpp"
#include "launcher/repeat/history.hpp"

namespace trireme::launcher {

/// Step -> loss; nothing for a loss that was not finite.
using Losses = std::map<std::int64_t, std::optional<double>>;

/// The losses of the steps after `after` up to `last` in a run's metrics.jsonl, which may be of any size. A missing
/// file has none. Errors as base::FileSystem::open_own().
Losses losses_of(base::FileSystem& files, const std::filesystem::path& run_directory, std::int64_t after,
                 std::int64_t last);

struct LossCheck {
  std::int64_t compared = 0;  ///< steps of both runs that are to agree bit by bit
  std::int64_t equal = 0;     ///< of these
  std::int64_t rounded = 0;   ///< steps of both that are to agree to rounding
  double largest = 0;         ///< the largest relative difference among these
  double bound = 0;           ///< what rounding may make of it
  std::int64_t missing = 0;   ///< steps of the original run that the other one did not do, though it is to have them
  std::string text;           ///< one line for people

  /// Whether there was something to compare, and all of it agrees as it is to.
  bool same() const { return compared > 0 && equal == compared && largest <= bound && missing == 0; }
};

/// The largest relative difference between losses that rounding explains in a training of this precision (fp32, bf16,
/// fp64).
double rounding_bound(const std::string& precision);

/// `asked`: steps that were to be compared. `bound`: rounding_bound().
LossCheck compare_losses(const Losses& there, const Losses& here, const Comparable& comparable, std::int64_t asked,
                         double bound);

}  // namespace trireme::launcher
