#include "io/checkpoint/save/save_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"

namespace trireme::checkpoint {
namespace {

DeclaredBox declare(const std::string& name, const Shape& shape, const Box& box) {
  return {kParam, name, shape, DataType::kFloat32, box};
}

std::vector<std::uint64_t> loads(const SavePlan& plan) {
  std::vector<std::uint64_t> loads;
  for (const auto& pieces : plan.pieces) {
    std::uint64_t bytes = 0;
    for (const auto& piece : pieces) bytes += static_cast<std::uint64_t>(piece.box.elements()) * 4;
    loads.push_back(bytes);
  }
  return loads;
}

TEST(SavePlan, ReplicasAreSpreadEvenlyAndEachElementOnce) {
  // Eight replicas of an embedding, thirty matrices and sixty vectors.
  std::vector<DeclaredBox> held;
  held.push_back(declare("embed", {50000, 768}, topology::whole({50000, 768})));
  for (int i = 0; i < 30; ++i) {
    held.push_back(declare(base::str("m", i), {768, 3072}, topology::whole({768, 3072})));
    held.push_back(declare(base::str("v", i), {768}, topology::whole({768})));
    held.push_back(declare(base::str("w", i), {3072}, topology::whole({3072})));
  }
  const std::vector<std::vector<DeclaredBox>> declared(8, held);
  const SavePlan plan = make_save_plan(declared, {0, 0, 0, 0, 1, 1, 1, 1}, 2);
  const auto bytes = loads(plan);
  const std::uint64_t largest = *std::max_element(bytes.begin(), bytes.end());
  const std::uint64_t smallest = *std::min_element(bytes.begin(), bytes.end());
  EXPECT_LT(static_cast<double>(largest - smallest), 0.03 * static_cast<double>(largest));
  std::set<std::pair<std::uint32_t, Box>> boxes;
  std::int64_t elements = 0;
  std::size_t pieces = 0;
  for (const auto& of_rank : plan.pieces) {
    for (const auto& piece : of_rank) {
      EXPECT_TRUE(boxes.emplace(piece.tensor, piece.box).second);
      elements += piece.box.elements();
      ++pieces;
    }
  }
  EXPECT_EQ(elements, 50000 * 768 + 30 * (768 * 3072 + 768 + 3072));
  EXPECT_LE(pieces, 91u + 7u) << "a cut for each further holder is enough";
  ASSERT_EQ(plan.files.size(), 4u);
  EXPECT_EQ(plan.files[0].name, "node_0/shard_0.h5");
  EXPECT_EQ(plan.files[3].name, "node_1/shard_1.h5");
  EXPECT_EQ(plan.files[3].ranks, (std::vector<int>{6, 7}));
  EXPECT_EQ(plan.file_of_rank, (std::vector<int>{0, 0, 1, 1, 2, 2, 3, 3}));
}

TEST(SavePlan, PiecesLieOneAfterAnotherInTheirBox) {
  const Box box{{0, 8, 0}, {1, 1536, 1024}};  // its first dim is 1
  const std::vector<DeclaredBox> held = {declare("t", {1, 2048, 1024}, box),
                                         declare("t", {1, 2048, 1024}, {{0, 0, 0}, {1, 8, 1024}}),
                                         declare("t", {1, 2048, 1024}, {{0, 1544, 0}, {1, 504, 1024}})};
  const SavePlan plan = make_save_plan({held, held}, {0, 0}, 1);
  for (const auto& of_rank : plan.pieces) {
    for (const auto& piece : of_rank) {
      const Box& whole = held[piece.declared].box;
      const auto rows = static_cast<std::uint64_t>(piece.box.offset[1] - whole.offset[1]);
      EXPECT_EQ(piece.memory_offset, rows * 1024 * 4);
      EXPECT_EQ(piece.box.size[2], 1024);
    }
  }
  EXPECT_GT(plan.pieces[0].size() + plan.pieces[1].size(), 3u) << "nothing was cut";
}

TEST(SavePlan, SharedBoxesLevelOutWhatOneHolderHasAlone) {
  const DeclaredBox alone = declare("alone", {3 << 20}, topology::whole({3 << 20}));
  const DeclaredBox shared = declare("shared", {1024, 5 * 1024}, topology::whole({1024, 5 * 1024}));
  const auto bytes = loads(make_save_plan({{alone, shared}, {shared}}, {0, 0}, 1));
  constexpr double kRow = 5 * 1024 * 4;
  EXPECT_NEAR(static_cast<double>(bytes[0]), 16 << 20, kRow);
  EXPECT_NEAR(static_cast<double>(bytes[1]), 16 << 20, kRow);
}

TEST(SavePlan, RanksWithoutBytesWriteNoFile) {
  const DeclaredBox box = declare("a", {4}, topology::whole({4}));
  const DeclaredBox empty = declare("a", {4}, {{0}, {0}});
  const SavePlan plan = make_save_plan({{empty}, {box}, {}}, {0, 0, 1}, 8);
  ASSERT_EQ(plan.files.size(), 1u);
  EXPECT_EQ(plan.files[0].leader, 1);
  EXPECT_EQ(plan.file_of_rank, (std::vector<int>{-1, 0, -1}));
}

TEST(SavePlan, DisagreementAboutATensorIsNamed) {
  EXPECT_THROW(make_save_plan({{declare("a", {4}, topology::whole({4}))}, {declare("a", {5}, {{4}, {1}})}}, {0, 0}, 1),
               base::Error);
}

}  // namespace
}  // namespace trireme::checkpoint
