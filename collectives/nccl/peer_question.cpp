#include "collectives/nccl/peer_question.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace trireme::collectives {
namespace {

constexpr double kSoonest = 1;  // seconds between two questions
constexpr double kLatest = 10;

}  // namespace

PeerQuestion::PeerQuestion(std::shared_ptr<const GroupTrace> trace, int own, DeviceProgress until, double since)
    : trace_(std::move(trace)),
      own_(own),
      until_(std::move(until)),
      awaited_(awaited(until_, own, static_cast<int>(trace_->ranks().size()))),
      last_came_(since) {}

PeerQuestion::Verdict PeerQuestion::look(double time, double limit_seconds, const AskRanks& ask) {
  if (answers_.valid()) {
    if (answers_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return Verdict::kWait;
    if (hear(time, answers_.get()) == Verdict::kSilent) return Verdict::kSilent;
  }
  if (awaited_.empty()) return time - last_came_ > limit_seconds ? Verdict::kHang : Verdict::kWait;
  if (first_asked_ >= 0 && time < ask_again_) return Verdict::kWait;
  if (first_asked_ < 0) first_asked_ = time;
  std::vector<int> ranks;
  for (const int rank : awaited_) ranks.push_back(trace_->ranks().at(static_cast<std::size_t>(rank)));
  answers_ = ask(ranks);
  return Verdict::kWait;
}

PeerQuestion::Verdict PeerQuestion::hear(double time, const std::vector<RankState>& states) {
  ask_again_ = time + std::clamp(time - first_asked_, kSoonest, kLatest);
  if (states.empty()) return Verdict::kWait;
  const std::string key = key_of(*trace_);
  std::vector<PeerState> peers;
  for (const int rank : awaited_) {
    const int world_rank = trace_->ranks().at(static_cast<std::size_t>(rank));
    const auto state = std::ranges::find(states, world_rank, &RankState::rank);
    PeerState peer{rank, state != states.end() && state->answered, nullptr};
    const GroupState* group = peer.answered ? find_group(*state, key) : nullptr;
    if (group != nullptr && group->device) peer.device = &*group->device;
    if (!peer.answered) {
      silent_text_ += base::str(silent_text_.empty() ? "" : ", ", "rank ", world_rank,
                                state == states.end() || state->host.empty() ? "" : " (host " + state->host + ")");
    }
    peers.push_back(peer);
  }
  const Lateness lateness = judge(until_, own_, peers);
  if (std::isfinite(lateness.seconds)) last_came_ = std::max(last_came_, time - lateness.seconds);
  awaited_ = lateness.late;
  return lateness.silent.empty() ? Verdict::kWait : Verdict::kSilent;
}

}  // namespace trireme::collectives
