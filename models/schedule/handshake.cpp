#include "models/schedule/handshake.hpp"

#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "base/error.hpp"

namespace trireme::schedule {

using base::str;

namespace {

/// A message of the bootstrap network, which buffers: sending never waits.
struct Step {
  bool send = false;
  int peer = 0;
  std::tuple<Link, int, int> tag;  ///< communicator, pass, round
  int connections = 0;
  std::size_t action = 0;  ///< where in the stage's list
};

class Handshakes {
 public:
  Handshakes(const std::vector<StageActions>& stages, Communicators communicators)
      : stages_(stages), communicators_(communicators), position_(stages.size(), 0) {
    for (int stage = 0; stage < static_cast<int>(stages.size()); ++stage) steps_.push_back(steps_of(stage));
  }

  std::string run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
        for (; position_[stage] < steps_[stage].size(); ++position_[stage]) {
          if (!execute(static_cast<int>(stage), steps_[stage][position_[stage]])) break;
          if (!problem_.empty()) return problem_;
          moved = true;
        }
      }
    }
    return waiting();
  }

 private:
  /// The ranks of a link's communicator, ascending by their rank in it.
  std::vector<int> members(const Link& link) const {
    if (communicators_ == Communicators::kPerLink) return {link.first, link.second};
    std::vector<int> all;
    for (int stage = 0; stage < static_cast<int>(stages_.size()); ++stage) all.push_back(stage);
    return all;
  }

  std::vector<Step> steps_of(int stage) const {
    std::vector<Step> steps;
    std::set<std::pair<Link, Link>> connected;  // communicator, link
    for (std::size_t at = 0; at < stages_[stage].size(); ++at) {
      if (stages_[stage][at].kind != ActionKind::kExchange) continue;
      for (const LinkGroup& group : groups_of(stage, stages_[stage][at], communicators_)) {
        const Link communicator = communicators_ == Communicators::kOne ? Link(0, 0) : group.link;
        std::set<Link> fresh;
        for (const Transfer& transfer : group.transfers) {
          const Link link = link_of(stage, transfer);
          if (connected.emplace(communicator, link).second) fresh.insert(link);
        }
        append(steps, stage, at, communicator, members(group.link), fresh);
      }
    }
    return steps;
  }

  static void append(std::vector<Step>& steps, int stage, std::size_t action, const Link& communicator,
                     const std::vector<int>& ranks, const std::set<Link>& fresh) {
    const int size = static_cast<int>(ranks.size());
    int rank = 0;
    while (ranks[rank] != stage) ++rank;
    for (const int pass : {0, 1}) {
      for (int round = 1; round < size; ++round) {
        const int to = ranks[(rank + round) % size];
        const int from = ranks[(rank - round + size) % size];
        const int sends = static_cast<int>(fresh.count({stage, to}));
        const int receives = static_cast<int>(fresh.count({from, stage}));
        const auto tag = std::tuple(communicator, pass, round);
        const auto message = [&](bool send, int peer, int connections) {
          // The second pass says only that the rank is done.
          if (connections > 0) steps.push_back({send, peer, tag, pass == 0 ? connections : 0, action});
        };
        if (to == from) {
          message(true, to, sends + receives);
          message(false, to, sends + receives);
        } else {
          message(true, from, receives);
          message(true, to, sends);
          message(false, to, sends);
          message(false, from, receives);
        }
      }
    }
  }

  /// Returns false when the stage has to wait.
  bool execute(int stage, const Step& step) {
    if (step.send) {
      mail_[{stage, step.peer, step.tag}].push_back(step.connections);
      return true;
    }
    std::deque<int>& arrived = mail_[{step.peer, stage, step.tag}];
    if (arrived.empty()) return false;
    if (arrived.front() != step.connections) {
      problem_ = str("stage ", stage, " expects ", step.connections, " new connections with stage ", step.peer, " at ",
                     to_string(stages_[stage][step.action]), " and hears of ", arrived.front());
    }
    arrived.pop_front();
    return true;
  }

  std::string waiting() const {
    std::string who;
    for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
      if (position_[stage] == steps_[stage].size()) continue;
      const Step& step = steps_[stage][position_[stage]];
      who += str(who.empty() ? "" : ", ", "stage ", stage, " at ", to_string(stages_[stage][step.action]),
                 " for stage ", step.peer);
    }
    return who.empty() ? "" : "deadlock while connecting: " + who;
  }

  const std::vector<StageActions>& stages_;
  Communicators communicators_;
  std::vector<std::vector<Step>> steps_;
  std::vector<std::size_t> position_;
  std::map<std::tuple<int, int, std::tuple<Link, int, int>>, std::deque<int>> mail_;
  std::string problem_;
};

}  // namespace

std::string check_handshakes(const std::vector<StageActions>& stages, Communicators communicators) {
  return Handshakes(stages, communicators).run();
}

}  // namespace trireme::schedule
