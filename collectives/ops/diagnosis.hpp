// Finds the missing ranks: turns what every rank reports about itself into one sentence and a short table. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// One rank's view of one group; see GroupTrace.
struct GroupState {
  std::string name;
  std::string key;         ///< the same on all ranks of the group, different for every other group
  std::vector<int> ranks;  ///< world ranks
  std::uint64_t started = 0;
  Operation last = Operation::kNone;
  Operation waiting = Operation::kNone;
  std::uint64_t waiting_number = 0;
  int waiting_peer = -1;
  std::optional<DeviceState> device = std::nullopt;
};

struct RankState {
  int rank = 0;
  std::string host;
  bool answered = false;
  std::string phase;  ///< "start", "load", "step"
  std::int64_t step = 0;
  std::vector<GroupState> groups;
};

/// GroupState::key of a group.
std::string key_of(const GroupTrace& group);
/// The group with this key as a rank answered; null where it has none.
const GroupState* find_group(const RankState& state, const std::string& key);

/// The state that this rank answers with.
RankState describe(const OperationTrace& trace, int rank, const std::string& host, const std::string& phase,
                   std::int64_t step);
std::string serialize(const RankState& state);
/// Throws base::Error when the text is not such an answer.
RankState parse_rank_state(const std::string& text);

struct Diagnosis {
  /// A sentence, then a table of at most 32 ranks, the missing ones first. Example: "rank 3 (host n2) has not reached
  /// all_reduce #17 of group tp in step 42; no answer in 10 s".
  std::string text;
  /// The node that all missing ranks are on; "" when they are on several, or none is missing.
  std::string host;
};

/// `states`: all ranks, in rank order; answered is false for ranks that did not answer within `answer_seconds`.
Diagnosis diagnose(const std::vector<RankState>& states, double limit_seconds, double answer_seconds);

}  // namespace trireme::collectives
