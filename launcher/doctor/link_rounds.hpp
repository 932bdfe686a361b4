// Which pairs of ranks exchange data with which, in rounds in which every rank has at most one partner. Not all pairs:
// a thousand ranks have half a million.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

using Pair = std::pair<int, int>;  ///< two ranks, the smaller one first
using Round = std::vector<Pair>;

/// Every pair at most once, in this order:
/// 1. neighbours in the ring of all ranks (2 or 3 rounds);
/// 2. first ranks of two nodes: all pairs of nodes up to 17 nodes, else nodes 1, 2, 4, 8, … places apart in the ring
///    of nodes, so that each node meets 2 log2(nodes) others (3 rounds a distance);
/// 3. k-th ranks of neighbouring nodes for 1 <= k < rails: each has a network card of its own on many GPU nodes.
/// `nodes` as nodes_of() makes them. A thousand nodes with 8 rails: at most 54 rounds.
std::vector<Round> plan_rounds(const std::vector<Node>& nodes, int rails);

/// The rank that `rank` meets in this round.
std::optional<int> partner_of(const Round& round, int rank);

}  // namespace trireme::doctor
