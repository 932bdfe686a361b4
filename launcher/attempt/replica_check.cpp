#include "launcher/attempt/replica_check.hpp"

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/health/replica_vote.hpp"

namespace trireme::launcher {
namespace {

std::string names_of(const std::vector<Replica>& suspects) {
  std::vector<std::string> names;
  for (const Replica& replica : suspects)
    names.push_back(base::str("rank ", replica.rank, " (host ", replica.host, ")"));
  return base::join(names, " and ");
}

slurm::HealthEvent event_of(const Difference& found, std::int64_t step) {
  slurm::HealthEvent event;
  event.time = base::wall_time();
  event.kind = "corruption";
  event.step = step;
  event.message = found.certain ? base::str("in step ", step, " the parameters of ", names_of(found.suspects),
                                            " are not those of their replicas")
                                : base::str("in step ", step, " the parameters of ", names_of(found.suspects),
                                            " differ, and no majority says whose are wrong");
  if (!found.certain) return event;
  if (found.suspects.size() == 1) event.rank = found.suspects.front().rank;
  event.host = found.suspects.front().host;
  for (const Replica& replica : found.suspects) {
    if (replica.host != event.host) event.host.clear();
  }
  return event;
}

}  // namespace

bool ReplicaCheck::on() const {
  return session_.resolved().options.train.compare_replicas_every > 0 && session_.resolved().degrees.dp > 1;
}

bool ReplicaCheck::due(std::int64_t step) const {
  return on() && step % session_.resolved().options.train.compare_replicas_every == 0;
}

// In a job whose script starts the next attempt, with other nodes; whoever starts attempts by hand chooses the nodes.
bool ReplicaCheck::can_be_left_out(const std::string& host) {
  std::int64_t by_script = keeper_.is_restarted();
  session_.world().control().broadcast(&by_script, 1, collectives::DataType::kInt64, 0);
  return by_script != 0 && !host.empty() && session_.hosts().size() > 1;
}

std::optional<slurm::HealthEvent> ReplicaCheck::compare(std::int64_t step, std::int64_t saved_step) {
  if (!on() || std::exchange(compared_, step) == step) return std::nullopt;
  auto event = look(step);
  if (!event) return std::nullopt;
  const bool leave_out = can_be_left_out(event->host);
  if (!leave_out && history_.may_roll_back(saved_step)) {
    event->action = slurm::kRolledBack;
    return event;
  }
  event->action = "stopped";
  keeper_.health(*event);
  if (leave_out) {
    throw base::Error(
        base::str(event->message, ": the next attempt goes on without ", event->host, " from the newest checkpoint"));
  }
  throw base::Error(
      base::str(event->message, ", again after ", HealthHistory::kMost, " roll-backs to step ", saved_step));
}

bool ReplicaCheck::agree_at_stop(std::int64_t step) {
  if (!on() || std::exchange(compared_, step) == step) return true;
  auto event = look(step);
  if (!event) return true;
  event->action = "stopped";
  event->message += "; the run is stopping, and nothing is saved";
  keeper_.health(*event);
  return false;
}

std::optional<slurm::HealthEvent> ReplicaCheck::look(std::int64_t step) {
  const std::uint64_t mine = session_.trainer().hash_of_parameters();
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(session_.world().size()));
  session_.world().control().all_gather(&mine, hashes.data(), sizeof mine, collectives::DataType::kUInt8);
  std::vector<Replica> replicas;
  for (int rank = 0; rank < session_.world().size(); ++rank) {
    const auto index = static_cast<std::size_t>(rank);
    const int group = session_.mesh().group_index(rank, topology::Axis::kData);
    replicas.push_back({rank, session_.host_of_rank()[index], group, hashes[index]});
  }
  const Difference found = compare_replicas(replicas);
  return found.suspects.empty() ? std::nullopt : std::optional(event_of(found, step));
}

}  // namespace trireme::launcher
