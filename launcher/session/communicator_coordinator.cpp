#include "launcher/session/communicator_coordinator.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "collectives/ops/text.hpp"

namespace trireme::launcher {

using collectives::DataType;
using collectives::ReduceOp;
using collectives::Transfer;

void CommunicatorCoordinator::complete(collectives::Request request) {
  if (waiting_ == Waiting::kBusy) {
    request.wait();
    return;
  }
  constexpr auto kShortest = std::chrono::microseconds(50);
  constexpr auto kLongest = std::chrono::microseconds(2000);
  for (auto pause = kShortest; !request.test(); pause = std::min(2 * pause, kLongest)) {
    if (given_up_) throw base::Error("waiting for the other ranks was given up");
    std::this_thread::sleep_for(pause);
  }
}

std::string CommunicatorCoordinator::all_ok(bool ok, const std::string& message) {
  std::int64_t failed = ok ? size() : rank();
  complete(communicator_.start_all_reduce(&failed, 1, DataType::kInt64, ReduceOp::kMin));
  if (failed == size()) return "";
  return broadcast_from(static_cast<int>(failed), rank() == failed ? base::str("rank ", failed, ": ", message) : "");
}

std::string CommunicatorCoordinator::broadcast_from(int root, std::string bytes) {
  return collectives::share_text(communicator_, std::move(bytes), root,
                                 [this](collectives::Request request) { complete(std::move(request)); });
}

void CommunicatorCoordinator::barrier() {
  std::int64_t nothing = 0;
  complete(communicator_.start_all_reduce(&nothing, 1, DataType::kInt64, ReduceOp::kMax));
}

std::vector<std::string> CommunicatorCoordinator::gather(std::string bytes) {
  std::vector<std::string> to_each(static_cast<std::size_t>(size()));
  to_each[0] = std::move(bytes);
  std::vector<std::string> received = exchange(std::move(to_each));
  if (rank() != 0) received.clear();
  return received;
}

std::vector<std::string> CommunicatorCoordinator::all_gather(std::string bytes) {
  const auto ranks = static_cast<std::size_t>(size());
  std::vector<std::int64_t> lengths(ranks);
  const std::int64_t length = std::ssize(bytes);
  complete(communicator_.start_all_gather(&length, lengths.data(), 1, DataType::kInt64));
  const auto longest = static_cast<std::size_t>(*std::max_element(lengths.begin(), lengths.end()));
  bytes.resize(longest);
  std::string all(longest * ranks, '\0');
  complete(communicator_.start_all_gather(bytes.data(), all.data(), longest, DataType::kUInt8));
  std::vector<std::string> received(ranks);
  for (std::size_t r = 0; r < ranks; ++r) received[r] = all.substr(r * longest, static_cast<std::size_t>(lengths[r]));
  return received;
}

std::vector<std::string> CommunicatorCoordinator::exchange(std::vector<std::string> to_each) {
  const auto ranks = static_cast<std::size_t>(size());
  std::vector<std::int64_t> outgoing(ranks);
  std::vector<std::int64_t> incoming(ranks);
  for (std::size_t r = 0; r < ranks; ++r) outgoing[r] = std::ssize(to_each[r]);
  complete(communicator_.start_all_to_all(outgoing.data(), incoming.data(), 1, DataType::kInt64));
  std::vector<std::string> received(ranks);
  std::vector<Transfer> transfers;
  for (int peer = 0; peer < size(); ++peer) {
    const auto p = static_cast<std::size_t>(peer);
    received[p].resize(static_cast<std::size_t>(incoming[p]));
    if (peer == rank()) {
      received[p] = std::move(to_each[p]);
      continue;
    }
    if (outgoing[p] > 0) {
      transfers.push_back({Transfer::Direction::kSend, to_each[p].data(), to_each[p].size(), DataType::kUInt8, peer});
    }
    if (incoming[p] > 0) {
      transfers.push_back(
          {Transfer::Direction::kReceive, received[p].data(), received[p].size(), DataType::kUInt8, peer});
    }
  }
  complete(communicator_.start_exchange(transfers));
  return received;
}

}  // namespace trireme::launcher
