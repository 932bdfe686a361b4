#include "launcher/attempt/straggler_watch.hpp"

#include <cstdio>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

// Ranks of one pipeline stage do the same work.
std::vector<int> stage_of_rank(const Session& session, int ranks) {
  std::vector<int> stages;
  for (int rank = 0; rank < ranks; ++rank) stages.push_back(session.mesh().coordinates(rank).pp);
  return stages;
}

}  // namespace

StragglerWatch::StragglerWatch(Session& session, RunKeeper& keeper, const base::Log& log)
    : session_(session), keeper_(keeper), log_(log) {
  const options::TrainSection& train = session.resolved().options.train;
  const int ranks = session.world().size();
  if (train.straggler_factor <= 0 || ranks == session.resolved().degrees.pp) return;
  rule_.emplace(train.straggler_factor, train.straggler_seconds, stage_of_rank(session, ranks));
}

void StragglerWatch::step(std::int64_t step, double compute_seconds) {
  if (!rule_) return;
  compute_seconds_ += compute_seconds;
  if (++steps_ < session_.resolved().options.train.straggler_every) return;
  std::vector<double> all(static_cast<std::size_t>(session_.world().size()));
  session_.world().control().all_gather(&compute_seconds_, all.data(), 1, collectives::DataType::kFloat64);
  compute_seconds_ = 0.0;
  steps_ = 0;
  if (session_.world().rank() != 0) return;  // rank 0 tells
  if (const auto found = rule_->look(all, base::seconds_since(begin_))) {
    char times[32];
    std::snprintf(times, sizeof times, "%.2f", found->times_as_long);
    slurm::HealthEvent event;
    event.time = base::wall_time();
    event.kind = "straggler";
    event.action = "named";
    event.step = step;
    event.rank = found->rank;
    event.host = session_.host_of_rank()[static_cast<std::size_t>(found->rank)];
    event.message = base::str("rank ", event.rank, " (host ", event.host, ") takes ", times,
                              " times as long to compute as its peers",
                              found->for_seconds > 0 ? ", for " + format_duration(found->for_seconds) + " now" : "",
                              ": every step waits for it");
    log_.warn(event.message);
    keeper_.health(event);
  }
}

}  // namespace trireme::launcher
