// Whether the run's checkpoints fit where they are to lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/run/quota.hpp"

namespace trireme::checkpoint {

/// The space that the run will need.
struct SpaceNeed {
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t checkpoint_files = 0;
  std::int64_t keep = 2;      ///< how many checkpoints stay
  std::int64_t existing = 0;  ///< how many of these are already there
};

/// Returns "" when the file system (nothing: not known) and each quota have room for what is missing of keep + 1
/// checkpoints; otherwise one sentence with the figures, which names what leaves least.
std::string lacking_space(const std::optional<base::Space>& space, const std::vector<Quota>& quotas,
                          const SpaceNeed& need);

}  // namespace trireme::checkpoint
