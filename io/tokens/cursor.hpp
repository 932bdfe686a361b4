// The position of a run in its data: all that a checkpoint must store so that the run goes on with the next sample.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "io/tokens/skipped_samples.hpp"

namespace trireme::tokens {

struct Cursor {
  std::vector<std::string> fingerprints;  ///< one for each training dataset, in order
  std::vector<std::uint64_t> blend;       ///< Blend::shares(); empty: several datasets without weights
  std::int64_t sequence = 0;
  std::uint64_t seed = 0;
  std::uint64_t consumed_samples = 0;  ///< the position: samples that were skipped before it count too
  SkippedSamples skipped;              ///< left out before this position and after it

  bool operator==(const Cursor&) const = default;
};

base::Json to_json(const Cursor& cursor);
/// Throws base::Error naming the member when `json` is not what to_json() makes.
Cursor cursor_from_json(const base::Json& json);

/// Names the order of samples that positions belong to: a hash of everything but the position itself, 16 hex digits.
std::string order_id(const Cursor& cursor);

/// Throws base::InputError unless a run that stopped at `saved` can go on with the data of `now`: same sequence,
/// datasets, blend and seed. The message names the key, and the fingerprint where a dataset differs.
void check_resumable(const Cursor& saved, const Cursor& now);

}  // namespace trireme::tokens
