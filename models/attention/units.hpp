// How attention's work on the CPU is cut: a unit is one group of the query heads that a key/value head of a sequence
// serves. Units are numbered by sequence, then key/value head, then group.
#pragma once

#include <cstdint>
#include <vector>

#include "models/attention/setting.hpp"

namespace trireme::attention {

struct Unit {
  std::int64_t b;
  std::int64_t kv_head;
  std::int64_t group;
};

/// Groups of each key/value head's query heads, so that `batch` sequences give at least `wanted` units. No key/value
/// head gets more groups than the one that serves the most query heads can fill.
std::int64_t groups_of(const Setting& setting, std::int64_t batch, std::int64_t wanted);

/// The unit with this number, where each key/value head has `groups` of them.
Unit unit_of(const Setting& setting, std::int64_t number, std::int64_t groups);

/// The unit's local query heads, ascending. Groups of a key/value head differ by at most one; some are empty where it
/// serves fewer query heads than there are groups.
std::vector<std::int64_t> query_heads_of(const Setting& setting, const Unit& unit, std::int64_t groups);

}  // namespace trireme::attention
