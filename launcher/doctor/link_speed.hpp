// Measures how fast ranks exchange data, with the same code for NCCL and MPI.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "collectives/communicator.hpp"
#include "launcher/doctor/link_rounds.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// The communicators and buffers for the measured bytes. Everything that it refers to must outlive it.
struct Traffic {
  collectives::Communicator& data;     ///< all ranks, in world order
  collectives::Communicator& control;  ///< host memory, for times and counts
  void* send = nullptr;                ///< in the memory that `data` serves; as long as the larger of the two amounts
  void* receive = nullptr;             ///< in the same memory; exchange_bytes long
  std::size_t all_reduce_bytes = 0;
  std::size_t exchange_bytes = 0;
  std::function<void()> arrive = [] {};  ///< waits until the received data are there (a device's queue is empty)
};

/// Collective: sums all_reduce_bytes of traffic.send as fp32. One try is not counted; returns the slowest rank's time,
/// the best of three (of one when it takes longer than a second).
AllReduce time_all_reduce(const Traffic& traffic);

struct LinkTimes {
  std::vector<Link> links;           ///< links of this rank with higher ranks
  std::int64_t rounds_measured = 0;  ///< the same on all ranks
};

/// Collective: in every round each pair sends exchange_bytes both ways at once. One try is not counted; the best of
/// three counts (of one when it takes longer than a quarter of a second). A round begins when the one before is over on
/// all ranks. Rounds that would begin later than `limit_seconds` are left out. `hosts`: the host of every rank.
LinkTimes time_links(const Traffic& traffic, const std::vector<Round>& rounds, const std::vector<std::string>& hosts,
                     double limit_seconds);

}  // namespace trireme::doctor
