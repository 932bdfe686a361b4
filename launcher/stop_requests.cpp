#include "launcher/stop_requests.hpp"

#include "base/error.hpp"

namespace trireme::launcher {

std::int64_t StopRequests::agree() {
  std::int64_t agreed = vote();
  world_.control().all_reduce(&agreed, 1, collectives::DataType::kInt64, collectives::ReduceOp::kMax);
  return agreed;
}

void StopRequests::check(const char* phase) {
  const std::int64_t agreed = agree();
  if (agreed != 0) throw base::Stopped(base::str("stopped by ", name_of(agreed), " ", phase));
}

std::string StopRequests::name_of(std::int64_t vote) { return slurm::signal_name(static_cast<int>(vote)); }

}  // namespace trireme::launcher
