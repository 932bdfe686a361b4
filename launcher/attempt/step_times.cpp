#include "launcher/attempt/step_times.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace trireme::launcher {
namespace {

using collectives::DataType;
using collectives::ReduceOp;

std::int64_t resident_high_water() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// One number whose maximum over the ranks tells both the longest time, to a microsecond, and whose it is.
constexpr int kRankBits = 21;
std::int64_t time_and_rank(double seconds, int rank) {
  constexpr double kMost = 1e12;  // microseconds: 12 days, and below 2^42
  return static_cast<std::int64_t>(std::clamp(1e6 * seconds, 0.0, kMost)) << kRankBits | rank;
}

}  // namespace

double OwnTimes::compute() const {
  return std::max(0.0, seconds - data_wait - saving - (on_device ? 0.0 : exposed_communication));
}

StepTimes over_all_ranks(collectives::Communicator& control, const OwnTimes& own) {
  double sums[4] = {own.data_wait, own.compute(), own.exposed_communication, own.saving_before + own.saving};
  std::int64_t most[3] = {time_and_rank(own.compute(), control.rank()), resident_high_water(),
                          static_cast<std::int64_t>(own.device_memory)};
  control.all_reduce(sums, 4, DataType::kFloat64, ReduceOp::kSum);
  control.all_reduce(most, 3, DataType::kInt64, ReduceOp::kMax);
  const double ranks = control.size();
  StepTimes times;
  times.data_wait = sums[0] / ranks;
  times.compute = sums[1] / ranks;
  if (!own.on_device) times.exposed_communication = sums[2] / ranks;
  times.saving = sums[3] / ranks;
  times.slowest_rank = most[0] & ((std::int64_t{1} << kRankBits) - 1);
  times.slowest_compute = 1e-6 * static_cast<double>(most[0] >> kRankBits);
  times.host_memory = static_cast<std::uint64_t>(most[1]);
  if (own.on_device) times.device_memory = static_cast<std::uint64_t>(most[2]);
  return times;
}

}  // namespace trireme::launcher
