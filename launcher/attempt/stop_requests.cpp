#include "launcher/attempt/stop_requests.hpp"

#include "base/clock.hpp"
#include "base/error.hpp"

namespace trireme::launcher {
namespace {

// Above every signal's number. A request that must not come back wins over the others.
constexpr std::int64_t kTimeLimit = 1000;
constexpr std::int64_t kRequest = 1001;

}  // namespace

std::int64_t StopRequests::vote() {
  watched_.look(base::wall_time());
  if (watched_.stop()) return kRequest;
  if (signals_.received() != 0) return signals_.received();
  return watched_.must_stop(base::wall_time()) ? kTimeLimit : 0;
}

std::int64_t StopRequests::agree() {
  std::int64_t agreed = vote();
  control_.all_reduce(&agreed, 1, collectives::DataType::kInt64, collectives::ReduceOp::kMax);
  if (agreed != 0) agreed_on(agreed);
  return agreed;
}

void StopRequests::agreed_on(std::int64_t vote) {
  if (vote >= kTimeLimit || job_id_.empty() || preempted_) return;
  preempted_.emplace(job_id_);
}

void StopRequests::check(const char* phase) {
  const std::int64_t agreed = agree();
  if (agreed != 0) throw base::Stopped(base::str(reason(agreed), ", ", phase));
}

std::string StopRequests::reason(std::int64_t vote) const {
  if (vote == kTimeLimit) return "stopped before the time limit";
  if (vote != kRequest && preempted_ && preempted_->answer()) return "preempted";
  if (vote != kRequest) return base::str("stopped by ", base::signal_name(static_cast<int>(vote)));
  const bool named = watched_.stop() && !watched_.stop()->user.empty();
  return named ? base::str("stopped by ", watched_.stop()->user, "'s request") : "stopped by request";
}

}  // namespace trireme::launcher
