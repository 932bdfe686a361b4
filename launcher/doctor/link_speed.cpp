#include "launcher/doctor/link_speed.hpp"
#include "base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace trireme::doctor {
namespace {

using collectives::Communicator;
using collectives::DataType;
using collectives::ReduceOp;
using collectives::Transfer;
using Clock = std::chrono::steady_clock;

constexpr int kTries = 3;
constexpr double kLongAllReduce = 1.0;  // seconds; a longer all-reduce is not repeated
constexpr double kLongExchange = 0.25;

/// The larger of the two values that the ranks of a pair have.
double agree(Communicator& control, int partner, double value) {
  double other = 0;
  control
      .start_exchange({{Transfer::Direction::kSend, &value, 1, DataType::kFloat64, partner},
                       {Transfer::Direction::kReceive, &other, 1, DataType::kFloat64, partner}})
      .wait();
  return std::max(value, other);
}

double time_exchange(const Traffic& traffic, int partner) {
  const auto start = Clock::now();
  traffic.data
      .start_exchange(
          {{Transfer::Direction::kSend, traffic.send, traffic.exchange_bytes, DataType::kUInt8, partner},
           {Transfer::Direction::kReceive, traffic.receive, traffic.exchange_bytes, DataType::kUInt8, partner}})
      .wait();
  traffic.arrive();
  return base::seconds_since(start);
}

double best_exchange(const Traffic& traffic, int partner) {
  double best = time_exchange(traffic, partner);  // makes the connection, so it is not counted
  if (agree(traffic.control, partner, best) > kLongExchange) return time_exchange(traffic, partner);
  best = time_exchange(traffic, partner);
  for (int i = 1; i < kTries; ++i) best = std::min(best, time_exchange(traffic, partner));
  return best;
}

}  // namespace

AllReduce time_all_reduce(const Traffic& traffic) {
  const std::size_t count = traffic.all_reduce_bytes / sizeof(float);
  const auto once = [&] {
    traffic.control.barrier();
    const auto start = Clock::now();
    traffic.data.all_reduce(traffic.send, count, DataType::kFloat32);
    traffic.arrive();
    double seconds = base::seconds_since(start);
    traffic.control.all_reduce(&seconds, 1, DataType::kFloat64, ReduceOp::kMax);
    return seconds;
  };
  const double first = once();
  double best = once();
  for (int i = 1; i < kTries && first < kLongAllReduce; ++i) best = std::min(best, once());
  return {count * sizeof(float), best};
}

LinkTimes time_links(const Traffic& traffic, const std::vector<Round>& rounds, const std::vector<std::string>& hosts,
                     double limit_seconds) {
  LinkTimes times;
  const auto start = Clock::now();
  const int rank = traffic.control.rank();
  for (const Round& round : rounds) {
    double elapsed = base::seconds_since(start);
    traffic.control.all_reduce(&elapsed, 1, DataType::kFloat64, ReduceOp::kMax);
    if (elapsed > limit_seconds) break;
    ++times.rounds_measured;
    const std::optional<int> partner = partner_of(round, rank);
    if (!partner) continue;
    const double seconds = best_exchange(traffic, *partner);
    if (rank > *partner) continue;
    const bool within = hosts.at(static_cast<std::size_t>(rank)) == hosts.at(static_cast<std::size_t>(*partner));
    times.links.push_back({rank, *partner, within ? LinkKind::kWithinNode : LinkKind::kBetweenNodes,
                           static_cast<double>(traffic.exchange_bytes) / std::max(seconds, 1e-9)});
  }
  return times;
}

}  // namespace trireme::doctor
