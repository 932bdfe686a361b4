// Decides which pairs of ranks exchange data, in rounds in which every rank has at most one partner. Not all pairs are
// measured: a thousand ranks have half a million.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

using Pair = std::pair<int, int>;  ///< two ranks, the smaller one first
using Round = std::vector<Pair>;

/// Plans every pair at most once, in this order:
/// 1. neighbours in the ring of all ranks (2 or 3 rounds);
/// 2. first ranks of two nodes: all pairs of nodes up to 17 nodes, else nodes that are 1, 2, 4, 8, … places apart in
///    the ring of nodes, so that each node meets 2 log2(nodes) others (3 rounds per distance);
/// 3. k-th ranks of neighbouring nodes for 1 <= k < rails: on many GPU nodes each has a network card of its own.
/// `nodes` must be as nodes_of() makes them. A thousand nodes with 8 rails take at most 54 rounds.
std::vector<Round> plan_rounds(const std::vector<Node>& nodes, int rails);

/// The rank that `rank` meets in this round; nothing when it meets none.
std::optional<int> partner_of(const Round& round, int rank);

}  // namespace trireme::doctor
