#include "slurm/site/hostlist.hpp"

#include <gmock/gmock.h>

namespace trireme::slurm {
namespace {

using testing::ElementsAre;

TEST(ExpandHostlist, ReadsRangesWithLeadingZerosAndSeveralBrackets) {
  EXPECT_THAT(expand_hostlist("n[08-10,7],gpu1"), ElementsAre("n08", "n09", "n10", "n7", "gpu1"));
  EXPECT_THAT(expand_hostlist("r[0-1]c[1,3]x"), ElementsAre("r0c1x", "r0c3x", "r1c1x", "r1c3x"));
  EXPECT_THAT(expand_hostlist(""), ElementsAre());
  EXPECT_THAT(expand_hostlist("(null)"), ElementsAre());
}

TEST(ExpandHostlist, LeavesAsItIsWhatIsNoList) {
  EXPECT_THAT(expand_hostlist("n[3-1]"), ElementsAre("n[3-1]"));
  EXPECT_THAT(expand_hostlist("n[a-b]"), ElementsAre("n[a-b]"));
  EXPECT_THAT(expand_hostlist("n[1-2"), ElementsAre("n[1-2"));
  EXPECT_THAT(expand_hostlist("n[0-99999999999]"), ElementsAre("n[0-99999999999]"));
  EXPECT_THAT(expand_hostlist("n[0-999999]m[0-999999]"), ElementsAre("n[0-999999]m[0-999999]"));
}

TEST(ShareAHost, ComparesNames) {
  EXPECT_TRUE(share_a_host(sorted_hosts("n[1-9],m1"), sorted_hosts("a[1-3],n9")));
  EXPECT_FALSE(share_a_host(sorted_hosts("n[1-9]"), sorted_hosts("n[01-09],n10")));
  EXPECT_FALSE(share_a_host(sorted_hosts(""), sorted_hosts("n1")));
}

}  // namespace
}  // namespace trireme::slurm
