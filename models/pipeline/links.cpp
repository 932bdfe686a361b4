#include "models/pipeline/links.hpp"

#include "base/error.hpp"

namespace trireme::pipeline {
namespace {

/// The rounds in which neighbours (pair i: stages i and i + 1, the last with the first) split off communicators, so
/// that each stage takes part in one pair at a time.
int round_of(int pair, int stages) { return stages % 2 == 1 && pair == stages - 1 ? 2 : pair % 2; }

}  // namespace

StageLinks::StageLinks(collectives::Communicator& stages, bool ring) : stages_(stages) {
  if (!stages.on_device()) return;
  const int count = stages.size();
  const int pairs = ring && count > 2 ? count : count - 1;
  for (int round = 0; round < 3; ++round) {
    for (const bool upwards : {true, false}) {
      int pair = -1;
      schedule::Link link;
      for (int lower = 0; lower < pairs; ++lower) {
        const int upper = (lower + 1) % count;
        if (round_of(lower, count) != round || (stage() != lower && stage() != upper)) continue;
        pair = lower;
        link = upwards ? schedule::Link(lower, upper) : schedule::Link(upper, lower);
      }
      const std::string name = pair < 0 ? "" : base::str("pp ", link.first, "→", link.second);
      auto own = stages.split_with_stream(pair, stage() == link.first ? 0 : 1, name);
      if (!own) continue;
      own->connect({1 - own->rank()});
      own_.emplace(link, std::move(own));
    }
  }
}

collectives::Request StageLinks::start(const schedule::Link& link, std::vector<collectives::Transfer> transfers,
                                       const std::shared_ptr<collectives::Moment>& since) {
  if (own_.empty()) return stages_.start_exchange(transfers);
  const auto found = own_.find(link);
  if (found == own_.end()) {
    throw base::Error(base::str("stages ", link.first, " and ", link.second, " are no neighbours in the pipeline"));
  }
  for (collectives::Transfer& transfer : transfers) transfer.peer = 1 - found->second->rank();
  return since ? found->second->start_exchange_since(since, transfers) : found->second->start_exchange(transfers);
}

void StageLinks::finish() {
  for (auto& [link, communicator] : own_) communicator->finish();
}

}  // namespace trireme::pipeline
