// Every operation of a Communicator against results computed locally. Parameterised by where the data is: host tests
// and device tests run the same cases. communicator_case_tests.hpp makes tests of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/ops/reduce.hpp"
#include "collectives/topology/mesh.hpp"

namespace trireme::test {

using collectives::Communicator;
using collectives::DataType;
using collectives::ReduceOp;
using collectives::Request;
using collectives::Transfer;

inline constexpr DataType kTypes[] = {DataType::kFloat64, DataType::kFloat32, DataType::kBFloat16, DataType::kInt64,
                                      DataType::kUInt8};
inline constexpr ReduceOp kOps[] = {ReduceOp::kSum, ReduceOp::kMin, ReduceOp::kMax};

/// Memory that the communicator under test works on.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual void* data() = 0;
  virtual void write(const void* host, std::size_t bytes) = 0;
  /// Waits for the device where there is one.
  virtual void read(void* host, std::size_t bytes) = 0;
};

struct Environment {
  std::string label;
  std::function<std::unique_ptr<Communicator>()> communicator;
  std::function<std::unique_ptr<Buffer>(std::size_t bytes)> buffer;
  std::vector<std::size_t> counts;
};

inline std::ostream& operator<<(std::ostream& out, const Environment& environment) { return out << environment.label; }

class HostBuffer final : public Buffer {
 public:
  explicit HostBuffer(std::size_t bytes) : bytes_(bytes + 64, '\x5A') {}
  void* data() override { return bytes_.data() + 16; }
  void write(const void* host, std::size_t bytes) override { std::memcpy(data(), host, bytes); }
  void read(void* host, std::size_t bytes) override {
    std::memcpy(host, data(), bytes);
    for (std::size_t i = 0; i < 16; ++i) {
      EXPECT_EQ(bytes_[i], '\x5A') << "written before the buffer";
      EXPECT_EQ(bytes_[bytes_.size() - 1 - i], '\x5A') << "written behind the buffer";
    }
  }

 private:
  std::vector<char> bytes_;
};

/// A small whole number that every type holds exactly; sums over 8 ranks too (uint8: below 256, bf16: below 128).
inline int value_of(int rank, std::size_t index, int salt = 0) {
  return static_cast<int>((index * 7 + index / 13 + static_cast<std::size_t>(rank * 5 + salt)) % 15);
}

inline void store(std::vector<char>& bytes, DataType type, std::size_t index, int value) {
  char* at = bytes.data() + index * collectives::size_of(type);
  const auto put = [&](auto typed) { std::memcpy(at, &typed, sizeof(typed)); };
  switch (type) {
    case DataType::kFloat64: return put(static_cast<double>(value));
    case DataType::kFloat32: return put(static_cast<float>(value));
    case DataType::kBFloat16: return put(collectives::float_to_bf16(static_cast<float>(value)));
    case DataType::kInt64: return put(static_cast<std::int64_t>(value));
    case DataType::kUInt8: return put(static_cast<std::uint8_t>(value));
  }
}

using Value = std::function<int(std::size_t index)>;

inline std::vector<char> values(DataType type, std::size_t count, const Value& value) {
  std::vector<char> bytes(count * collectives::size_of(type));
  for (std::size_t i = 0; i < count; ++i) store(bytes, type, i, value(i));
  return bytes;
}

inline int combine(ReduceOp op, int ranks, const std::function<int(int rank)>& value) {
  int result = value(0);
  for (int rank = 1; rank < ranks; ++rank) {
    const int next = value(rank);
    result = op == ReduceOp::kSum   ? result + next
             : op == ReduceOp::kMin ? std::min(result, next)
                                    : std::max(result, next);
  }
  return result;
}

/// One case on one rank. The ranks of a communicator run the same case together.
class CommunicatorCase {
 public:
  /// Collective: makes the communicator.
  explicit CommunicatorCase(const Environment& environment)
      : environment_(environment), communicator_(environment.communicator()) {}
  void finish() { communicator_->finish(); }

  void all_reduce_gives_every_rank_the_reduction();
  void reduce_scatter_gives_each_rank_its_piece();
  void all_gather_gives_every_rank_all_pieces();
  void broadcast_gives_every_rank_the_roots_data();
  void all_to_all_transposes_the_pieces();
  void several_gathers_start_together();
  void exchange_moves_both_directions_of_a_ring();
  void blocking_send_finds_its_receive();
  void several_operations_may_be_under_way();
  void split_gives_the_groups_of_a_mesh();
  void split_leaves_out_negative_colours();
  void rounded_sums_are_the_same_bits_on_all_ranks_and_every_time();

 private:
  std::unique_ptr<Buffer> filled(const std::vector<char>& bytes) {
    auto buffer = environment_.buffer(bytes.size());
    buffer->write(bytes.data(), bytes.size());
    return buffer;
  }
  std::unique_ptr<Buffer> empty(std::size_t bytes) { return filled(std::vector<char>(bytes, '\x7F')); }
  /// True when the buffer holds exactly these bytes.
  bool holds(Buffer& buffer, const std::vector<char>& expected) {
    std::vector<char> bytes(expected.size());
    buffer.read(bytes.data(), bytes.size());
    return bytes == expected;
  }
  int rank() const { return communicator_->rank(); }
  int size() const { return communicator_->size(); }
  /// The counts as totals over all ranks' rows.
  std::vector<std::size_t> row_counts() const {
    std::vector<std::size_t> rows;
    for (const std::size_t count : environment_.counts) rows.push_back((count + ranks() - 1) / ranks());
    return rows;
  }
  std::size_t ranks() const { return static_cast<std::size_t>(size()); }

  const Environment& environment_;
  std::unique_ptr<Communicator> communicator_;
};

struct NamedCase {
  const char* name;
  void (CommunicatorCase::*run)();
};
inline constexpr NamedCase kCommunicatorCases[] = {
    {"AllReduceGivesEveryRankTheReduction", &CommunicatorCase::all_reduce_gives_every_rank_the_reduction},
    {"ReduceScatterGivesEachRankItsPiece", &CommunicatorCase::reduce_scatter_gives_each_rank_its_piece},
    {"AllGatherGivesEveryRankAllPieces", &CommunicatorCase::all_gather_gives_every_rank_all_pieces},
    {"BroadcastGivesEveryRankTheRootsData", &CommunicatorCase::broadcast_gives_every_rank_the_roots_data},
    {"AllToAllTransposesThePieces", &CommunicatorCase::all_to_all_transposes_the_pieces},
    {"SeveralGathersStartTogether", &CommunicatorCase::several_gathers_start_together},
    {"ExchangeMovesBothDirectionsOfARing", &CommunicatorCase::exchange_moves_both_directions_of_a_ring},
    {"BlockingSendFindsItsReceive", &CommunicatorCase::blocking_send_finds_its_receive},
    {"SeveralOperationsMayBeUnderWay", &CommunicatorCase::several_operations_may_be_under_way},
    {"SplitGivesTheGroupsOfAMesh", &CommunicatorCase::split_gives_the_groups_of_a_mesh},
    {"SplitLeavesOutNegativeColours", &CommunicatorCase::split_leaves_out_negative_colours},
    {"RoundedSumsAreTheSameBitsOnAllRanksAndEveryTime",
     &CommunicatorCase::rounded_sums_are_the_same_bits_on_all_ranks_and_every_time},
};

inline void CommunicatorCase::all_reduce_gives_every_rank_the_reduction() {
  for (const DataType type : kTypes) {
    for (const ReduceOp op : kOps) {
      for (const std::size_t count : environment_.counts) {
        auto buffer = filled(values(type, count, [&](std::size_t i) { return value_of(rank(), i); }));
        communicator_->all_reduce(buffer->data(), count, type, op);
        const auto expected = values(
            type, count, [&](std::size_t i) { return combine(op, size(), [&](int r) { return value_of(r, i); }); });
        ASSERT_TRUE(holds(*buffer, expected)) << collectives::name_of(type) << " x " << count;
      }
    }
  }
}

inline void CommunicatorCase::reduce_scatter_gives_each_rank_its_piece() {
  for (const bool in_place : {false, true}) {
    for (const DataType type : kTypes) {
      for (const ReduceOp op : kOps) {
        for (const std::size_t count : row_counts()) {
          const auto own = values(type, count * ranks(), [&](std::size_t i) { return value_of(rank(), i); });
          auto send = filled(own);
          auto apart = empty(count * collectives::size_of(type));
          const std::size_t offset = static_cast<std::size_t>(rank()) * count;
          void* receive =
              in_place ? static_cast<char*>(send->data()) + offset * collectives::size_of(type) : apart->data();
          communicator_->reduce_scatter(send->data(), receive, count, type, op);
          const auto expected = values(type, count, [&](std::size_t i) {
            return combine(op, size(), [&](int r) { return value_of(r, offset + i); });
          });
          if (in_place) {
            std::vector<char> all(own.size());
            send->read(all.data(), all.size());
            const std::size_t begin = offset * collectives::size_of(type);
            ASSERT_TRUE(std::equal(expected.begin(), expected.end(), all.begin() + static_cast<std::ptrdiff_t>(begin)))
                << collectives::name_of(type) << " x " << count << " in place";
          } else {
            ASSERT_TRUE(holds(*apart, expected)) << collectives::name_of(type) << " x " << count;
            ASSERT_TRUE(holds(*send, own)) << "the input changed";
          }
        }
      }
    }
  }
}

inline void CommunicatorCase::all_gather_gives_every_rank_all_pieces() {
  for (const bool in_place : {false, true}) {
    for (const DataType type : kTypes) {
      for (const std::size_t count : row_counts()) {
        const auto own = values(type, count, [&](std::size_t i) { return value_of(rank(), i); });
        auto apart = filled(own);
        auto receive = empty(own.size() * ranks());
        const std::size_t begin = static_cast<std::size_t>(rank()) * own.size();
        if (in_place) {
          std::vector<char> start(own.size() * ranks(), '\x7F');
          std::copy(own.begin(), own.end(), start.begin() + static_cast<std::ptrdiff_t>(begin));
          receive->write(start.data(), start.size());
        }
        void* send = in_place ? static_cast<char*>(receive->data()) + begin : apart->data();
        communicator_->all_gather(send, receive->data(), count, type);
        const auto expected = values(type, count * ranks(),
                                     [&](std::size_t i) { return value_of(static_cast<int>(i / count), i % count); });
        ASSERT_TRUE(holds(*receive, expected)) << collectives::name_of(type) << " x " << count;
      }
    }
  }
}

inline void CommunicatorCase::broadcast_gives_every_rank_the_roots_data() {
  for (int root = 0; root < size(); ++root) {
    for (const DataType type : kTypes) {
      for (const std::size_t count : environment_.counts) {
        auto buffer = filled(values(type, count, [&](std::size_t i) { return value_of(rank(), i); }));
        communicator_->broadcast(buffer->data(), count, type, root);
        ASSERT_TRUE(holds(*buffer, values(type, count, [&](std::size_t i) { return value_of(root, i); })));
      }
    }
  }
}

inline void CommunicatorCase::all_to_all_transposes_the_pieces() {
  for (const DataType type : kTypes) {
    for (const std::size_t count : row_counts()) {
      auto send = filled(values(type, count * ranks(), [&](std::size_t i) { return value_of(rank(), i); }));
      auto receive = empty(count * ranks() * collectives::size_of(type));
      communicator_->all_to_all(send->data(), receive->data(), count, type);
      const auto expected = values(type, count * ranks(), [&](std::size_t i) {
        const std::size_t own_piece = static_cast<std::size_t>(rank()) * count;
        return value_of(static_cast<int>(i / count), own_piece + i % count);
      });
      ASSERT_TRUE(holds(*receive, expected)) << collectives::name_of(type) << " x " << count;
    }
  }
}

inline void CommunicatorCase::several_gathers_start_together() {
  const std::size_t count = environment_.counts.back();
  const std::size_t bytes = count * sizeof(float);
  const auto of = [&](int r, int salt) {
    return values(DataType::kFloat32, count, [&, r, salt](std::size_t i) { return value_of(r, i, salt); });
  };
  const auto first = filled(of(rank(), 1));
  const auto second = filled(of(rank(), 2));
  const auto first_all = empty(bytes * ranks());
  const auto second_all = empty(bytes * ranks());
  auto requests = communicator_->start_all_gathers({{first->data(), first_all->data(), count, DataType::kFloat32},
                                                    {second->data(), second_all->data(), count, DataType::kFloat32}});
  for (collectives::Request& request : requests) request.wait();
  for (const int salt : {1, 2}) {
    const auto expected = values(DataType::kFloat32, count * ranks(),
                                 [&](std::size_t i) { return value_of(static_cast<int>(i / count), i % count, salt); });
    ASSERT_TRUE(holds(salt == 1 ? *first_all : *second_all, expected));
  }
}

inline void CommunicatorCase::exchange_moves_both_directions_of_a_ring() {
  const int next = (rank() + 1) % size();
  const int previous = (rank() + size() - 1) % size();
  for (const DataType type : kTypes) {
    for (const std::size_t count : environment_.counts) {
      const auto of = [&](int r, int salt) {
        return values(type, count, [&, r, salt](std::size_t i) { return value_of(r, i, salt); });
      };
      auto forward = filled(of(rank(), 1));
      auto backward = filled(of(rank(), 2));
      auto from_previous = empty(count * collectives::size_of(type));
      auto from_next = empty(count * collectives::size_of(type));
      using Direction = Transfer::Direction;
      communicator_
          ->start_exchange({{Direction::kSend, forward->data(), count, type, next, 1},
                            {Direction::kReceive, from_previous->data(), count, type, previous, 1},
                            {Direction::kSend, backward->data(), count, type, previous, 2},
                            {Direction::kReceive, from_next->data(), count, type, next, 2}})
          .wait();
      ASSERT_TRUE(holds(*from_previous, of(previous, 1))) << collectives::name_of(type) << " x " << count;
      ASSERT_TRUE(holds(*from_next, of(next, 2))) << collectives::name_of(type) << " x " << count;
    }
  }
}

inline void CommunicatorCase::blocking_send_finds_its_receive() {
  if (size() == 1) GTEST_SKIP() << "a blocking send needs another rank";
  const std::size_t count = environment_.counts.back();
  auto buffer = filled(values(DataType::kFloat32, count, [&](std::size_t i) { return value_of(rank(), i); }));
  if (rank() == 0) communicator_->send(buffer->data(), count, DataType::kFloat32, size() - 1, 5);
  if (rank() == size() - 1) {
    communicator_->receive(buffer->data(), count, DataType::kFloat32, 0, 5);
    ASSERT_TRUE(holds(*buffer, values(DataType::kFloat32, count, [&](std::size_t i) { return value_of(0, i); })));
  }
}

inline void CommunicatorCase::several_operations_may_be_under_way() {
  constexpr int kPending = 5;
  const std::size_t count = environment_.counts.back();
  std::vector<std::unique_ptr<Buffer>> buffers;
  std::vector<Request> requests;
  for (int k = 0; k < kPending; ++k) {
    buffers.push_back(filled(values(DataType::kFloat32, count, [&](std::size_t i) { return value_of(rank(), i, k); })));
    requests.push_back(
        communicator_->start_all_reduce(buffers.back()->data(), count, DataType::kFloat32, ReduceOp::kSum));
  }
  communicator_->barrier();
  // Waited for in another order on every rank.
  for (int k = 0; k < kPending; ++k) requests[static_cast<std::size_t>((k + rank()) % kPending)].wait();
  for (int k = 0; k < kPending; ++k) {
    const auto expected = values(DataType::kFloat32, count, [&](std::size_t i) {
      return combine(ReduceOp::kSum, size(), [&](int r) { return value_of(r, i, k); });
    });
    ASSERT_TRUE(holds(*buffers[static_cast<std::size_t>(k)], expected)) << "operation " << k;
  }
}

inline void CommunicatorCase::split_gives_the_groups_of_a_mesh() {
  using topology::Axis;
  for (const int tp : {1, 2, 4}) {
    if (size() % tp != 0) continue;
    const topology::Mesh mesh({.tp = tp, .dp = size() / tp});
    for (const Axis axis : {Axis::kTensor, Axis::kData}) {
      const auto group = mesh.group(rank(), axis);
      auto part = communicator_->split(mesh.group_index(rank(), axis), rank(), topology::name_of(axis));
      ASSERT_EQ(part->size(), static_cast<int>(group.size()));
      ASSERT_EQ(group[static_cast<std::size_t>(part->rank())], rank());
      EXPECT_EQ(part->name(), topology::name_of(axis));
      auto buffer = filled(values(DataType::kInt64, 3, [&](std::size_t i) { return value_of(rank(), i); }));
      part->all_reduce(buffer->data(), 3, DataType::kInt64);
      const auto expected = values(DataType::kInt64, 3, [&](std::size_t i) {
        return combine(ReduceOp::kSum, part->size(),
                       [&](int r) { return value_of(group[static_cast<std::size_t>(r)], i); });
      });
      ASSERT_TRUE(holds(*buffer, expected));
      part->finish();
    }
  }
}

inline void CommunicatorCase::split_leaves_out_negative_colours() {
  if (size() == 1) GTEST_SKIP() << "nobody would be left";
  auto part = communicator_->split(rank() == 0 ? -1 : 0, -rank(), "rest");
  if (rank() == 0) {
    EXPECT_EQ(part, nullptr);
  } else {
    EXPECT_EQ(part->size(), size() - 1);
    EXPECT_EQ(part->rank(), size() - 1 - rank());
    part->finish();
  }
}

/// Fractions, whose sums depend on the order: every rank must still hold the same bits, every time.
inline void CommunicatorCase::rounded_sums_are_the_same_bits_on_all_ranks_and_every_time() {
  const std::size_t count = environment_.counts.back();
  for (const DataType type : {DataType::kFloat64, DataType::kFloat32, DataType::kBFloat16}) {
    std::vector<char> own(count * collectives::size_of(type));
    for (std::size_t i = 0; i < count; ++i) {
      const double value = 1.0 / (1.0 + static_cast<double>((i * 31 + static_cast<std::size_t>(rank()) * 17) % 97));
      const float single = static_cast<float>(value);
      const std::uint16_t half = collectives::float_to_bf16(single);
      char* at = own.data() + i * collectives::size_of(type);
      if (type == DataType::kFloat64) std::memcpy(at, &value, 8);
      if (type == DataType::kFloat32) std::memcpy(at, &single, 4);
      if (type == DataType::kBFloat16) std::memcpy(at, &half, 2);
    }
    std::vector<char> first;
    for (int repetition = 0; repetition < 3; ++repetition) {
      auto buffer = filled(own);
      communicator_->all_reduce(buffer->data(), count, type);
      std::vector<char> result(own.size());
      buffer->read(result.data(), result.size());
      if (first.empty()) first = result;
      ASSERT_EQ(result, first) << collectives::name_of(type);
    }
    auto lowest = filled(first);
    auto highest = filled(first);
    communicator_->all_reduce(lowest->data(), first.size(), DataType::kUInt8, ReduceOp::kMin);
    communicator_->all_reduce(highest->data(), first.size(), DataType::kUInt8, ReduceOp::kMax);
    ASSERT_TRUE(holds(*lowest, first)) << collectives::name_of(type);
    ASSERT_TRUE(holds(*highest, first)) << collectives::name_of(type);
  }
}

}  // namespace trireme::test
