#include "slurm/site/accounting_text.hpp"

#include <gmock/gmock.h>

#include "slurm/site/slurm_text.hpp"
#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseFairShares, TakesTheLinesOfUsers) {
  const auto shares = parse_fair_shares(read_sample("21.08", "sshare"));
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares[1].account, "physics");
  EXPECT_EQ(shares[1].raw_shares, "parent");
  EXPECT_DOUBLE_EQ(shares[1].normalized_share, 0.06);
  EXPECT_DOUBLE_EQ(shares[1].usage, 0.00125);
  EXPECT_DOUBLE_EQ(shares[1].factor, 0.31);
  EXPECT_THAT(parse_fair_shares(""), IsEmpty());
  EXPECT_THAT(parse_fair_shares("a|b|c\nno table\n"), IsEmpty());
}

TEST(ReadFairShares, IsNothingWhenSshareDoesNotAnswer) {
  EXPECT_FALSE(read_fair_shares([](const auto&) { return std::nullopt; }));
  EXPECT_FALSE(read_fair_shares([](const auto&) { return CommandResult{1, "", "no database"}; }));
}

TEST(ParseQos, TellsWhoPreemptsWhomAndHow) {
  const auto qos =
      parse_qos(read_sample("23.11", "sacctmgr_show_qos"), parse_config(read_sample("23.11", "scontrol_show_config")));
  ASSERT_EQ(qos.size(), 4U);
  EXPECT_THAT(qos[0].preempted_by, ElementsAre("urgent"));
  EXPECT_EQ(qos[0].preempt_mode, PreemptMode::kCancel) << "the cluster's";
  EXPECT_EQ(qos[0].time_limit, std::nullopt);
  EXPECT_THAT(qos[1].preempted_by, ElementsAre("normal", "urgent"));
  EXPECT_EQ(qos[1].preempt_mode, PreemptMode::kRequeue);
  EXPECT_EQ(qos[1].grace, 120);
  EXPECT_EQ(qos[1].time_limit, 86400);
  EXPECT_EQ(qos[2].preempt_mode, PreemptMode::kOff);
}

TEST(ParseQos, NobodyPreemptsWhereQosDoNotDecide) {
  const auto qos =
      parse_qos("a|b|cancel|00:00:00||7\nb||cancel|00:00:00||0\n", {{"PreemptType", "preempt/partition_prio"}});
  ASSERT_EQ(qos.size(), 2U);
  EXPECT_THAT(qos[1].preempted_by, IsEmpty());
  EXPECT_EQ(qos[1].preempt_mode, PreemptMode::kOff);
  EXPECT_EQ(qos[0].priority, 7);
}

}  // namespace
}  // namespace trireme::slurm
