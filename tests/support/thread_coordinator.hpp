#pragma once

#include <barrier>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::tests {

/// Who may run when the ranks take turns: each from one exchange to the next, then the next rank of the order. So the
/// calls of all ranks come in the same sequence every time.
class Turns {
 public:
  /// Empty: all run at once.
  explicit Turns(std::vector<int> order) : order_(std::move(order)) {}

  void wait(int rank) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return order_.empty() || order_[at_] == rank; });
  }
  void pass() {
    const std::lock_guard lock(mutex_);
    if (!order_.empty()) at_ = (at_ + 1) % order_.size();
    changed_.notify_all();
  }

 private:
  std::vector<int> order_;
  std::size_t at_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// The ranks of a ThreadCoordinator: what they share.
struct ThreadGroup {
  ThreadGroup(int size, int nodes, std::vector<int> order = {})
      : size(size), nodes(nodes), barrier(size), board(static_cast<std::size_t>(size)), turns(std::move(order)) {}

  int size;
  int nodes;
  std::barrier<> barrier;
  std::vector<std::vector<std::string>> board;  // board[r][k]: what rank r says to rank k (or to everyone at 0)
  Turns turns;
};

/// One rank as a thread; ranks are spread over the nodes in equal runs: 4 ranks on 2 nodes are 0 0 1 1.
class ThreadCoordinator final : public checkpoint::Coordinator {
 public:
  ThreadCoordinator(ThreadGroup& group, int rank) : group_(group), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return group_.size; }
  int node() const override { return rank_ * group_.nodes / group_.size; }
  int nodes() const override { return group_.nodes; }

  std::string all_ok(bool ok, const std::string& message) override {
    const auto all = all_gather(ok ? "" : "x" + message);
    for (std::size_t r = 0; r < all.size(); ++r) {
      if (!all[r].empty()) return "rank " + std::to_string(r) + ": " + all[r].substr(1);
    }
    return "";
  }
  std::string broadcast_from(int root, std::string bytes) override {
    return all_gather(rank_ == root ? std::move(bytes) : "")[static_cast<std::size_t>(root)];
  }
  std::vector<std::string> gather(std::string bytes) override {
    std::vector<std::string> to_each(static_cast<std::size_t>(group_.size));
    to_each[0] = std::move(bytes);
    auto all = exchange(std::move(to_each));
    return rank_ == 0 ? all : std::vector<std::string>();
  }
  std::vector<std::string> all_gather(std::string bytes) override {
    return exchange(std::vector<std::string>(static_cast<std::size_t>(group_.size), bytes));
  }
  std::vector<std::string> exchange(std::vector<std::string> to_each) override {
    if (static_cast<int>(to_each.size()) != group_.size) throw std::logic_error("exchange with another rank count");
    group_.board[static_cast<std::size_t>(rank_)] = std::move(to_each);
    group_.turns.pass();
    group_.barrier.arrive_and_wait();
    std::vector<std::string> received;
    for (const auto& row : group_.board) received.push_back(row[static_cast<std::size_t>(rank_)]);
    group_.barrier.arrive_and_wait();
    group_.turns.wait(rank_);
    return received;
  }
  void barrier() override { exchange(std::vector<std::string>(static_cast<std::size_t>(group_.size))); }

 private:
  ThreadGroup& group_;
  int rank_;
};

/// Runs `body` on every rank, all at once or in turns of this order (every rank once); afterwards throws what the
/// lowest rank threw. Ranks must throw together.
inline void run_ranks(int ranks, int nodes, const std::function<void(checkpoint::Coordinator&)>& body,
                      const std::vector<int>& order = {}) {
  ThreadGroup group(ranks, nodes, order);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadCoordinator coordinator(group, rank);
      group.turns.wait(rank);
      try {
        body(coordinator);
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
      }
      group.turns.pass();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace trireme::tests
