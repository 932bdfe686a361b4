#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "collectives/communicator.hpp"

namespace trireme::tests {

/// One rank's view of a group of two whose other rank says what the test tells it to: int64 votes and numbers, and of
/// sums of doubles the same as this rank.
class OneRankCommunicator final : public collectives::Communicator {
 public:
  /// What the others reduce with; nothing: they agree with this rank.
  std::optional<std::int64_t> others;
  /// What rank 0 broadcasts; nothing: this rank is rank 0.
  std::optional<std::int64_t> root;
  int calls = 0;

  int rank() const override { return root ? 1 : 0; }
  int size() const override { return 2; }
  const std::string& name() const override { return name_; }
  bool on_device() const override { return false; }

  collectives::Request start_all_reduce(void* data, std::size_t count, collectives::DataType type,
                                        collectives::ReduceOp op) override {
    ++calls;
    if (type == collectives::DataType::kFloat64 && op == collectives::ReduceOp::kSum) {
      for (std::size_t i = 0; i < count; ++i) static_cast<double*>(data)[i] *= 2;
      return {};
    }
    if (type != collectives::DataType::kInt64 || op != collectives::ReduceOp::kMax) refuse();
    auto* values = static_cast<std::int64_t*>(data);
    for (std::size_t i = 0; i < count && others; ++i) values[i] = std::max(values[i], *others);
    return {};
  }
  collectives::Request start_broadcast(void* data, std::size_t count, collectives::DataType type, int) override {
    ++calls;
    if (type != collectives::DataType::kInt64 || count != 1) refuse();
    if (root) *static_cast<std::int64_t*>(data) = *root;
    return {};
  }
  collectives::Request start_reduce_scatter(const void*, void*, std::size_t, collectives::DataType,
                                            collectives::ReduceOp) override {
    refuse();
  }
  collectives::Request start_all_gather(const void*, void*, std::size_t, collectives::DataType) override { refuse(); }
  collectives::Request start_all_to_all(const void*, void*, std::size_t, collectives::DataType) override { refuse(); }
  collectives::Request start_exchange(const std::vector<collectives::Transfer>&) override { refuse(); }
  void barrier() override {}
  std::unique_ptr<Communicator> split(int, int, const std::string&) override { refuse(); }
  void finish() override {}

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("not a vote or a number"); }

  std::string name_ = "votes";
};

}  // namespace trireme::tests
