// The collective parts on real ranks.
#include <gmock/gmock.h>

#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "launcher/doctor/clock_offset.hpp"
#include "launcher/doctor/directory_probe.hpp"
#include "launcher/doctor/gather.hpp"
#include "launcher/doctor/link_speed.hpp"
#include "tests/support/mpi_main.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::doctor {
namespace {

using test::world;
using testing::IsEmpty;

std::string shared_path(const tests::TemporaryDirectory& own) {
  return collectives::share_text(world().control(), own.path().string());
}

TEST(Gather, TextsArriveInRankOrder) {
  const auto texts = gather_texts(world().control(), std::string(static_cast<std::size_t>(world().rank() * 1000), 'x'));
  if (world().rank() != 0) {
    EXPECT_THAT(texts, IsEmpty());
    return;
  }
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(world().size()));
  for (std::size_t rank = 0; rank < texts.size(); ++rank) EXPECT_EQ(texts[rank].size(), rank * 1000);
}

TEST(Clocks, OfOneMachineAgree) {
  std::vector<Node> nodes(static_cast<std::size_t>(world().size()));
  for (int rank = 0; rank < world().size(); ++rank) nodes[static_cast<std::size_t>(rank)].ranks = {rank};
  measure_clocks(world().control(), nodes);
  for (const Node& node : nodes) EXPECT_LE(std::abs(node.clock_seconds), node.clock_error_seconds + 1e-6);
}

TEST(DirectoryProbe, EveryRankSeesADirectoryThatIsMadeAndGoneAfterwards) {
  const tests::TemporaryDirectory own;
  const std::filesystem::path directory = std::filesystem::path(shared_path(own)) / "a" / "b/";
  base::PosixFileSystem files;
  DirectoryProbe probe(world().control(), files, directory);
  const auto views = probe.look(5);
  EXPECT_TRUE(probe.writes());
  EXPECT_EQ(views.size(), world().rank() == 0 ? static_cast<std::size_t>(world().size()) : 0u);
  for (const DirectoryView& view : views) EXPECT_TRUE(view.sees && view.writes && view.seen) << view.error;
  if (world().rank() == 0) {
    EXPECT_FALSE(probe.was_there());
  }
  probe.close();
  world().control().barrier();
  EXPECT_FALSE(files.exists(directory.parent_path().parent_path()));
  world().control().barrier();
}

TEST(DirectoryProbe, WhatWasThereStays) {
  const tests::TemporaryDirectory own;
  const std::filesystem::path directory = shared_path(own);
  base::PosixFileSystem files;
  if (world().rank() == 0) {
    files.replace(directory / "run.ini", "[run]\n");
    files.replace(directory / (probe_prefix(1000, 1) + "0"), "left behind by a killed doctor");
  }
  DirectoryProbe probe(world().control(), files, directory);
  probe.look(5);
  probe.close();
  world().control().barrier();
  EXPECT_THAT(files.list(directory), testing::ElementsAre("run.ini"));
  world().control().barrier();
}

TEST(DirectoryProbe, AFileInTheDirectorysPlaceIsBadInput) {
  const tests::TemporaryDirectory own;
  const std::filesystem::path path = std::filesystem::path(shared_path(own)) / "run";
  base::PosixFileSystem files;
  if (world().rank() == 0) files.replace(path, "a file");
  world().control().barrier();
  EXPECT_THROW(DirectoryProbe(world().control(), files, path), base::InputError);
  EXPECT_THROW(DirectoryProbe(world().control(), files, path / "below"), base::InputError);
  world().control().barrier();
}

TEST(DirectoryProbe, ADirectoryThatCannotBeMadeIsSeenByNobody) {
  base::PosixFileSystem files;
  DirectoryProbe probe(world().control(), files, "/proc/nowhere/run");
  for (const DirectoryView& view : probe.look(5)) {
    EXPECT_FALSE(view.sees || view.writes || view.seen);
    EXPECT_THAT(view.error, testing::HasSubstr("/proc/nowhere"));
  }
  probe.close();
}

TEST(LinkSpeed, EveryPlannedLinkIsMeasuredOnce) {
  const auto data = world().communicator("doctor");
  std::vector<float> send(1 << 16);
  std::vector<float> receive(1 << 14);
  const Traffic traffic{*data, world().control(), send.data(), receive.data(), send.size() * 4, receive.size() * 4};
  Node node;
  for (int rank = 0; rank < world().size(); ++rank) node.ranks.push_back(rank);
  const auto rounds = plan_rounds({node}, 1);
  const std::vector<std::string> hosts(node.ranks.size(), "n0");
  const LinkTimes times = time_links(traffic, rounds, hosts, 1e9);
  EXPECT_EQ(times.rounds_measured, std::ssize(rounds));
  std::int64_t links = std::ssize(times.links);
  for (const Link& link : times.links) {
    EXPECT_EQ(link.first, world().rank());
    EXPECT_EQ(link.kind, LinkKind::kWithinNode);
    EXPECT_GT(link.rate, 0);
  }
  std::int64_t planned = 0;
  for (const Round& round : rounds) planned += std::ssize(round);
  world().control().all_reduce(&links, 1, collectives::DataType::kInt64);
  EXPECT_EQ(links, planned);
  EXPECT_EQ(time_links(traffic, rounds, hosts, -1).rounds_measured, 0);
}

TEST(LinkSpeed, TheAllReduceTakesTheSameTimeForAll) {
  const auto data = world().communicator("doctor");
  std::vector<float> send(1 << 16);
  const AllReduce result = time_all_reduce({*data, world().control(), send.data(), nullptr, send.size() * 4, 0});
  EXPECT_EQ(result.bytes, send.size() * 4);
  double extremes[2] = {result.seconds, -result.seconds};
  world().control().all_reduce(extremes, 2, collectives::DataType::kFloat64, collectives::ReduceOp::kMax);
  EXPECT_EQ(extremes[0], -extremes[1]);
  EXPECT_GT(result.seconds, 0);
}

}  // namespace
}  // namespace trireme::doctor
