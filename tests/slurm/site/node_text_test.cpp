#include "slurm/site/node_text.hpp"

#include <gmock/gmock.h>

namespace trireme::slurm {
namespace {

TEST(ParseGres, CountsGpusOfEveryForm) {
  const auto check = [](const std::string& text, std::int64_t count, const std::string& type) {
    const Gpus gpus = parse_gres(text);
    EXPECT_EQ(gpus.count, count) << text;
    EXPECT_EQ(gpus.type, type) << text;
  };
  check("(null)", 0, "");
  check("", 0, "");
  check("gpu:4", 4, "");
  check("gpu", 1, "");
  check("gpu:a100:4", 4, "a100");
  check("gpu:a100:4(S:0-1)", 4, "a100");
  check("gpu:a100:2(S:0,2),gpu:a100:2(S:1,3),nic:2", 4, "a100");
  check("gpu:v100:2(S:0),gpu:a100:2(S:1)", 4, "");
  check("gpu:a100:no_consume:4", 4, "a100");
  check("gpu:1K", 1024, "");
  check("mps:v100:400(S:0,1),shard:16", 0, "");
  check("gpu:tesla:0", 0, "");
  check("gpu:a100:4(S:0-1", 4, "a100");
}

TEST(ParseSinfo, AddsEqualNodesAndPutsTheMostFrequentFirst) {
  const auto kinds =
      parse_sinfo("p|1|8|1000|gpu:2\np|3|16|2000|(null)\np|2|8|1000|gpu:2\nq|0|1|1|(null)\nnonsense\n\n");
  ASSERT_EQ(kinds.size(), 1U);
  EXPECT_THAT(kinds.at("p"), testing::ElementsAre(NodeKind{3, 8, 1000, 2, ""}, NodeKind{3, 16, 2000, 0, ""}));
}

TEST(SetNodes, TakesTheSmallestNodeAndTheSmallestWithGpus) {
  Partition partition;
  set_nodes(partition, {{3, 16, 1000, 0, ""}, {2, 32, 2000, 8, "h100"}, {1, 8, 4000, 4, "h100"}});
  EXPECT_EQ(partition.nodes, 6);
  EXPECT_EQ(partition.cpus_per_node, 8);
  EXPECT_EQ(partition.memory_per_node, 1000);
  EXPECT_EQ(partition.gpus_per_node, 4);
  EXPECT_EQ(partition.gpu_type, "h100");
  set_nodes(partition, {{2, 32, 2000, 8, "h100"}, {1, 8, 4000, 4, "a100"}});
  EXPECT_EQ(partition.gpu_type, "");
}

}  // namespace
}  // namespace trireme::slurm
