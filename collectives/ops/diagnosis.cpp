#include "collectives/ops/diagnosis.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/philox.hpp"

namespace trireme::collectives {

namespace {

using base::Json;
using base::str;

const GroupState* waiting_group(const RankState& state) {
  for (const GroupState& group : state.groups) {
    if (group.waiting != Operation::kNone) return &group;
  }
  return nullptr;
}

/// "all_reduce #17 of group tp".
std::string operation_text(Operation operation, std::uint64_t number, const std::string& group) {
  return str(name_of(operation), " #", number, " of group ", group);
}

std::string phase_text(const RankState& state) {
  return state.phase == "step" ? str("step ", state.step) : str("phase ", state.phase);
}

/// An operation in which a rank waits, and the ranks that it waits for.
struct Wait {
  const RankState* waiter = nullptr;
  const GroupState* group = nullptr;
  Operation operation = Operation::kNone;
  std::uint64_t number = 0;
  std::vector<int> missing;
};

class Job {
 public:
  explicit Job(const std::vector<RankState>& states) : states_(states) {}

  const RankState& state(int rank) const { return states_.at(static_cast<std::size_t>(rank)); }
  bool silent(int rank) const { return !state(rank).answered; }
  /// Whether the rank keeps others waiting without waiting itself.
  bool is_cause(int rank) const { return silent(rank) || waiting_group(state(rank)) == nullptr; }

  std::vector<Wait> waits() const {
    std::vector<Wait> all;
    for (const RankState& waiter : states_) {
      const GroupState* group = waiter.answered ? waiting_group(waiter) : nullptr;
      if (group == nullptr) continue;
      Wait wait{&waiter, group, group->waiting, group->waiting_number, {}};
      if (group->waiting == Operation::kExchange) {
        if (group->waiting_peer >= 0) wait.missing = {group->ranks.at(static_cast<std::size_t>(group->waiting_peer))};
      } else {
        wait.missing = behind(*group, group->waiting_number);
      }
      all.push_back(std::move(wait));
    }
    return all;
  }

  /// Finds a group in which ranks have started different numbers of operations. Device operations do not block the
  /// host, so there only these numbers show who is behind.
  std::optional<Wait> uneven_group() const {
    for (const RankState& ahead : states_) {
      for (const GroupState& group : ahead.groups) {
        auto missing = behind(group, group.started);
        if (!missing.empty()) return Wait{&ahead, &group, group.last, group.started, std::move(missing)};
      }
    }
    return std::nullopt;
  }

  /// The same for what devices have come to, where all hosts have started the same.
  std::optional<Wait> uneven_device() const {
    for (const RankState& ahead : states_) {
      for (const GroupState& group : ahead.groups) {
        if (!group.device) continue;
        const std::uint64_t number = group.device->begun.collectives;
        std::vector<int> missing;
        for (const int rank : group.ranks) {
          const GroupState* theirs = find_group(state(rank), group.key);
          const bool came = theirs != nullptr && theirs->device && theirs->device->begun.collectives >= number;
          if (!came) missing.push_back(rank);
        }
        if (!missing.empty()) return Wait{&ahead, &group, Operation::kNone, number, std::move(missing)};
      }
    }
    return std::nullopt;
  }

 private:
  std::vector<int> behind(const GroupState& group, std::uint64_t number) const {
    std::vector<int> missing;
    for (const int rank : group.ranks) {
      const GroupState* theirs = find_group(state(rank), group.key);
      if (silent(rank) || theirs == nullptr || theirs->started < number) missing.push_back(rank);
    }
    return missing;
  }

  const std::vector<RankState>& states_;
};

std::string rank_names(const Job& job, const std::vector<int>& ranks) {
  constexpr std::size_t kNamed = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(ranks.size(), kNamed); ++i) {
    if (i > 0) text += ", ";
    text += str(ranks[i], " (host ", job.state(ranks[i]).host, ")");
  }
  if (ranks.size() > kNamed) text += str(" and ", ranks.size() - kNamed, " more");
  return (ranks.size() == 1 ? "rank " : "ranks ") + text;
}

std::string missing_sentence(const Job& job, const Wait& wait, const std::vector<int>& missing, double answer_seconds) {
  const bool exchange = wait.operation == Operation::kExchange;
  std::string text =
      str(rank_names(job, missing), missing.size() == 1 ? " has not " : " have not ",
          exchange ? str("answered rank ", wait.waiter->rank, " in ") : "reached ",
          operation_text(wait.operation, wait.number, wait.group->name), " in ", phase_text(*wait.waiter));
  std::vector<int> silent;
  std::copy_if(missing.begin(), missing.end(), std::back_inserter(silent), [&](int r) { return job.silent(r); });
  if (silent.size() == missing.size()) return str(text, "; no answer in ", answer_seconds, " s");
  if (!silent.empty()) text += str("; no answer in ", answer_seconds, " s from ", rank_names(job, silent));
  return text;
}

std::string device_sentence(const Job& job, const Wait& wait) {
  return str("the device of ", rank_names(job, wait.missing), " has not come to operation #", wait.number, " of group ",
             wait.group->name, " in ", phase_text(*wait.waiter), ", though its host has");
}

std::string circular_sentence(const std::vector<Wait>& waits) {
  for (const Wait& a : waits) {
    for (const Wait& b : waits) {
      if (a.group->key == b.group->key && a.number == b.number && a.operation != b.operation &&
          a.operation != Operation::kExchange && b.operation != Operation::kExchange) {
        return str("ranks of group ", a.group->name, " call different operations: rank ", a.waiter->rank, " ",
                   name_of(a.operation), " #", a.number, ", rank ", b.waiter->rank, " ", name_of(b.operation), " #",
                   b.number, " in ", phase_text(*a.waiter));
      }
    }
  }
  std::string text = "ranks wait for each other";
  constexpr std::size_t kNamed = 4;
  for (std::size_t i = 0; i < std::min(waits.size(), kNamed); ++i) {
    text += str(i == 0 ? ": " : ", ", "rank ", waits[i].waiter->rank, " in ",
                operation_text(waits[i].operation, waits[i].number, waits[i].group->name));
  }
  return text;
}

std::string where(const RankState& state) {
  if (!state.answered) return "no answer";
  if (const GroupState* group = waiting_group(state)) {
    std::string text = "waits in " + operation_text(group->waiting, group->waiting_number, group->name);
    if (group->waiting_peer >= 0 && group->waiting == Operation::kExchange) {
      text += str(" for rank ", group->ranks.at(static_cast<std::size_t>(group->waiting_peer)));
    }
    return text;
  }
  std::string text;
  for (const GroupState& group : state.groups) {
    if (group.last == Operation::kNone) continue;
    text += (text.empty() ? "in no operation; last " : ", ") + operation_text(group.last, group.started, group.name);
  }
  return text.empty() ? "in no operation" : text;
}

std::string table(const std::vector<RankState>& states, const std::set<int>& first) {
  constexpr std::size_t kRows = 32;
  std::vector<const RankState*> order;
  for (const RankState& state : states) order.push_back(&state);
  std::stable_partition(order.begin(), order.end(), [&](const RankState* s) { return first.contains(s->rank); });
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), kRows); ++i) {
    const RankState& state = *order[i];
    text += str("\n  rank ", state.rank, "  host ", state.host, "  ");
    if (state.answered) text += phase_text(state) + "  ";
    text += where(state);
  }
  if (order.size() > kRows) text += str("\n  … and ", order.size() - kRows, " more ranks");
  return text;
}

}  // namespace

const GroupState* find_group(const RankState& state, const std::string& key) {
  for (const GroupState& group : state.groups) {
    if (group.key == key) return &group;
  }
  return nullptr;
}

std::string key_of(const GroupTrace& group) {
  std::uint64_t hash = 0;
  for (const int member : group.ranks()) hash = base::mix(hash, static_cast<std::uint64_t>(member));
  return str(group.name(), "/", hash, "/", group.instance());
}

RankState describe(const OperationTrace& trace, int rank, const std::string& host, const std::string& phase,
                   std::int64_t step) {
  RankState state{rank, host, true, phase, step, {}};
  for (const auto& group : trace.groups()) {
    GroupState view{
        group->name(),  key_of(*group), group->ranks(), 0, group->last_collective(), group->waiting(), 0, -1,
        group->device()};
    view.waiting_number = group->waiting_number();
    view.waiting_peer = group->waiting_peer();
    view.started = group->collectives_started();
    state.groups.push_back(std::move(view));
  }
  return state;
}

namespace {

Json to_json(const DeviceProgress& progress) {
  // Pairs: a JSON object would have texts for keys.
  const auto pairs = [](const auto& counts) {
    Json list = Json::array();
    for (const auto& [rank, count] : counts) list.push_back({rank, count});
    return list;
  };
  return {progress.collectives, pairs(progress.sends), pairs(progress.receives)};
}

DeviceProgress progress(const Json& json) {
  DeviceProgress result;
  result.collectives = json.at(0);
  for (const Json& pair : json.at(1)) result.sends[pair.at(0)] = pair.at(1);
  for (const Json& pair : json.at(2)) result.receives[pair.at(0)] = pair.at(1);
  return result;
}

Json to_json(const std::optional<DeviceState>& device) {
  if (!device) return nullptr;
  return {to_json(device->begun), device->begun_seconds, to_json(device->calling), device->calling_seconds};
}

std::optional<DeviceState> device_state(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return DeviceState{progress(json.at(0)), json.at(1), progress(json.at(2)), json.at(3)};
}

}  // namespace

std::string serialize(const RankState& state) {
  Json groups = Json::array();
  for (const GroupState& group : state.groups) {
    groups.push_back({group.name, group.key, group.ranks, group.started, static_cast<int>(group.last),
                      static_cast<int>(group.waiting), group.waiting_number, group.waiting_peer,
                      to_json(group.device)});
  }
  return Json{state.rank, state.host, state.phase, state.step, groups}.dump();
}

RankState parse_rank_state(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    RankState state{json.at(0), json.at(1), true, json.at(2), json.at(3), {}};
    for (const Json& group : json.at(4)) {
      state.groups.push_back({group.at(0), group.at(1), group.at(2).get<std::vector<int>>(), group.at(3),
                              static_cast<Operation>(group.at(4).get<int>()),
                              static_cast<Operation>(group.at(5).get<int>()), group.at(6), group.at(7),
                              device_state(group.at(8))});
    }
    return state;
  } catch (const Json::exception& error) {
    throw base::Error(str("a rank's answer to the watchdog cannot be read: ", error.what()));
  }
}

Diagnosis diagnose(const std::vector<RankState>& states, double limit_seconds, double answer_seconds) {
  const Job job(states);
  const std::vector<Wait> waits = job.waits();
  std::string sentence;
  std::set<int> named;
  const auto blame = [&](const Wait& wait, const std::vector<int>& missing) {
    sentence = missing_sentence(job, wait, missing, answer_seconds);
    named.insert(missing.begin(), missing.end());
  };
  for (const Wait& wait : waits) {
    std::vector<int> causes;
    std::copy_if(wait.missing.begin(), wait.missing.end(), std::back_inserter(causes),
                 [&](int rank) { return job.is_cause(rank); });
    if (causes.empty()) continue;
    blame(wait, causes);
    break;
  }
  if (sentence.empty() && !waits.empty()) sentence = circular_sentence(waits);
  if (sentence.empty()) {
    if (const auto uneven = job.uneven_group()) blame(*uneven, uneven->missing);
  }
  if (sentence.empty()) {
    if (const auto uneven = job.uneven_device()) {
      sentence = device_sentence(job, *uneven);
      named.insert(uneven->missing.begin(), uneven->missing.end());
    }
  }
  if (sentence.empty()) {
    for (const RankState& state : states) {
      if (!state.answered) named.insert(state.rank);
    }
    sentence = named.empty() ? str("nothing finished in ", limit_seconds,
                                   " s though no rank waits for another; raise the limit if the work takes longer")
                             : str(rank_names(job, {named.begin(), named.end()}),
                                   named.size() == 1 ? " gives" : " give", " no answer in ", answer_seconds, " s");
  }
  std::set<std::string> hosts;
  for (const int rank : named) hosts.insert(job.state(rank).host);
  return {sentence + table(states, named), hosts.size() == 1 ? *hosts.begin() : ""};
}

}  // namespace trireme::collectives
