#include "models/schedule/streams.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "base/error.hpp"

namespace trireme::schedule {

using base::str;

namespace {

using Key = std::tuple<Payload, int, int>;    // payload, producing chunk, micro-batch
using End = std::tuple<int, Direction, Key>;  // one end of a transfer: its stage

struct Group {
  int stage = 0;
  std::size_t action = 0;
  std::size_t computes_before = 0;
  std::optional<std::size_t> before;         ///< the group before it on its stream
  std::optional<std::size_t> called_before;  ///< the group that must have started before it
  std::vector<std::size_t> counterparts;
  std::vector<Transfer> transfers;
  bool started = false, done = false;
};

class Devices {
 public:
  Devices(const std::vector<StageActions>& stages, Communicators communicators, LaunchOrder order)
      : stages_(stages), computes_(stages.size()), computed_(stages.size(), 0) {
    for (int stage = 0; stage < static_cast<int>(stages.size()); ++stage) list(stage, communicators, order);
  }

  std::string run() {
    for (Group& group : groups_) {
      for (const Transfer& transfer : group.transfers) {
        const bool send = transfer.direction == Direction::kSend;
        const auto other =
            group_of_.find({transfer.peer, send ? Direction::kReceive : Direction::kSend, key_of(transfer)});
        if (other == group_of_.end()) {
          return str("stage ", group.stage, " lists a transfer without counterpart: ", text(group));
        }
        group.counterparts.push_back(other->second);
      }
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (Group& group : groups_) moved |= advance(group);
      for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
        for (; computed_[stage] < computes_[stage].size() && has_input(stage); ++computed_[stage]) moved = true;
      }
    }
    return waiting();
  }

 private:
  static Key key_of(const Transfer& transfer) { return {transfer.payload, transfer.chunk, transfer.micro_batch}; }
  std::string text(const Group& group) const { return to_string(stages_[group.stage][group.action]); }

  void list(int stage, Communicators communicators, LaunchOrder order) {
    std::optional<std::size_t> called;
    std::map<Link, std::size_t> last;  // on each stream
    for (std::size_t at = 0; at < stages_[stage].size(); ++at) {
      const Action& action = stages_[stage][at];
      if (action.kind != ActionKind::kExchange) {
        computes_[stage].push_back(at);
        continue;
      }
      for (LinkGroup& part : groups_of(stage, action, communicators)) {
        const Link stream = communicators == Communicators::kOne ? Link(0, 0) : part.link;
        Group group{stage, at, computes_[stage].size(), {}, {}, {}, std::move(part.transfers)};
        if (order == LaunchOrder::kCalls) group.called_before = called;
        called = groups_.size();
        if (const auto before = last.find(stream); before != last.end()) group.before = before->second;
        last[stream] = groups_.size();
        for (const Transfer& transfer : group.transfers) {
          group_of_[{stage, transfer.direction, key_of(transfer)}] = groups_.size();
        }
        groups_.push_back(std::move(group));
      }
    }
  }

  /// Returns whether the group started or ended.
  bool advance(Group& group) const {
    if (group.done) return false;
    if (!group.started) {
      group.started = computed_[group.stage] >= group.computes_before &&
                      (!group.before || groups_[*group.before].done) &&
                      (!group.called_before || groups_[*group.called_before].started);
      return group.started;
    }
    group.done = std::all_of(group.counterparts.begin(), group.counterparts.end(),
                             [&](std::size_t other) { return groups_[other].started; });
    return group.done;
  }

  /// Whether the input of the stage's next compute is there. What the stage itself computes is: it was listed before.
  bool has_input(std::size_t stage) const {
    const Action& compute = stages_[stage][computes_[stage][computed_[stage]]];
    const bool forward = compute.kind == ActionKind::kForward;
    const Key input{forward ? Payload::kActivation : Payload::kGradient, compute.chunk + (forward ? -1 : 1),
                    compute.micro_batch};
    const auto group = group_of_.find({static_cast<int>(stage), Direction::kReceive, input});
    return group == group_of_.end() || groups_[group->second].done;
  }

  std::string waiting() const {
    std::string who;
    const auto add = [&](std::size_t stage, const Action& action) {
      who += str(who.empty() ? "" : ", ", "stage ", stage, " at ", to_string(action));
    };
    for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
      if (computed_[stage] < computes_[stage].size()) add(stage, stages_[stage][computes_[stage][computed_[stage]]]);
      for (const Group& group : groups_) {
        if (group.stage == static_cast<int>(stage) && group.started && !group.done)
          add(stage, stages_[stage][group.action]);
      }
    }
    return who.empty() ? "" : "deadlock: " + who;
  }

  const std::vector<StageActions>& stages_;
  std::vector<std::vector<std::size_t>> computes_;  ///< per stage: their places in its list
  std::vector<std::size_t> computed_;               ///< per stage: how many are done
  std::vector<Group> groups_;
  std::map<End, std::size_t> group_of_;
};

}  // namespace

std::string check_streams(const std::vector<StageActions>& stages, Communicators communicators, LaunchOrder order) {
  return Devices(stages, communicators, order).run();
}

}  // namespace trireme::schedule
