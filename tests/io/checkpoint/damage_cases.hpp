// Every way of damaging every part of a checkpoint.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/io/checkpoint/damage_run.hpp"

namespace trireme::checkpoint::tests {

struct DamageCase {
  std::string object;  ///< what is damaged, as in Part
  std::string damage;  ///< "bit flip", "truncation", …
  std::string where;   ///< file and place, for messages
  std::string file;    ///< the only one whose bytes or length it changes; "" = it does more than that
  std::function<void()> apply;
};

/// Damages to single parts: flipped bits, zeroed pages, truncations at their ends.
std::vector<DamageCase> part_damages(const DamageRun& run);
/// Damages to whole files and folders: wrong lengths, sparse, missing, exchanged, foreign, of another kind.
std::vector<DamageCase> file_damages(const DamageRun& run);

}  // namespace trireme::checkpoint::tests
