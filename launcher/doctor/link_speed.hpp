// How fast ranks exchange data: the same code for NCCL and MPI.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "collectives/communicator.hpp"
#include "launcher/doctor/link_rounds.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// What moves the measured bytes. Everything it refers to outlives it.
struct Traffic {
  collectives::Communicator& data;     ///< of all ranks, in world order
  collectives::Communicator& control;  ///< host memory: times and counts
  void* send = nullptr;                ///< in the memory that `data` serves: as much as the larger of the two amounts
  void* receive = nullptr;             ///< in the same: exchange_bytes
  std::size_t all_reduce_bytes = 0;
  std::size_t exchange_bytes = 0;
  std::function<void()> arrive = [] {};  ///< waits until what was received is there (a device's queue is empty)
};

/// Collective: all_reduce_bytes of traffic.send, summed as fp32, after one try that is not counted; the slowest rank's
/// time, the best of three (of one when it takes longer than a second).
AllReduce time_all_reduce(const Traffic& traffic);

struct LinkTimes {
  std::vector<Link> links;           ///< of this rank with ranks above it
  std::int64_t rounds_measured = 0;  ///< the same on all ranks
};

/// Collective: in every round each pair sends exchange_bytes both ways at once, after one try that is not counted;
/// the best of three (of one when it takes longer than a quarter of a second). A round begins when the one before is
/// over everywhere. Rounds that would begin later than `limit_seconds` are left out. `hosts`: of every rank.
LinkTimes time_links(const Traffic& traffic, const std::vector<Round>& rounds, const std::vector<std::string>& hosts,
                     double limit_seconds);

}  // namespace trireme::doctor
