#include "launcher/checkpointing/quotas.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme::launcher {
namespace {

const checkpoint::QuotaOwner kOwner{1001, 500, "gpfs0", "/scratch", "", 0};

/// Programs that answer by their command line; all others are missing.
struct Programs {
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;

  slurm::RunCommand run() {
    return [this](const std::vector<std::string>& words) -> std::optional<slurm::CommandResult> {
      std::string line;
      for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
      asked.push_back(line);
      const auto found = answers.find(line);
      if (found == answers.end()) return slurm::CommandResult{127, "", "env: no such file"};
      return slurm::CommandResult{1, found->second, ""};
    };
  }
};

TEST(Quotas, LustreIsAskedForUserGroupAndProject) {
  const std::string columns = "Filesystem kbytes quota limit grace files quota limit grace\n/scratch ";
  Programs programs;
  programs.answers = {{"env LC_ALL=C lfs quota -u 1001 /scratch/run",
                       "Disk quotas for usr me (uid 1001):\n" + columns + "1 0 11 - 1 0 0 -\n"},
                      {"env LC_ALL=C lfs project -d /scratch/run", "  77 P /scratch/run\n"},
                      {"env LC_ALL=C lfs quota -p 77 /scratch/run",
                       "Disk quotas for prj 77 (pid 77):\n" + columns + "1 0 21 - 1 0 0 -\n"}};
  const auto found = ask_quotas("lustre", "/scratch/run", kOwner, programs.run());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].bytes_left, 10240U);
  EXPECT_EQ(found[1].name, "the quota of project 77 on /scratch");
  EXPECT_EQ(programs.asked.size(), 4U);
}

TEST(Quotas, GpfsProgramsAreLookedForWhereTheyAreInstalled) {
  Programs programs;
  programs.answers = {
      {"env LC_ALL=C /usr/lpp/mmfs/bin/mmlsattr -L /scratch/run", "fileset name: lab\n"},
      {"env LC_ALL=C /usr/lpp/mmfs/bin/mmlsquota -Y",
       "mmlsquota::HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:blockUsage:blockQuota:blockLimit:"
       "filesUsage:filesQuota:filesLimit:filesetname:\n"
       "mmlsquota::0:1:::gpfs0:USR:1001:me:1:0:3:0:0:0:lab:\n"}};
  const auto found = ask_quotas("gpfs", "/scratch/run", kOwner, programs.run());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].bytes_left, 2048U);
}

TEST(Quotas, OtherFileSystemsAreNotAsked) {
  Programs programs;
  for (const char* name : {"tmpfs", "overlay", "none", "0x1234"}) {
    EXPECT_TRUE(ask_quotas(name, "/scratch/run", kOwner, programs.run()).empty());
  }
  EXPECT_TRUE(programs.asked.empty());
  EXPECT_TRUE(ask_quotas("xfs", "/scratch/run", kOwner, programs.run()).empty());
  EXPECT_EQ(programs.asked.size(), 2U);
}

TEST(MountOf, IsTheLastMountOfTheLongestPointAbove) {
  const std::string text =
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:40 / /scratch rw shared:2 master:7 - lustre mds@tcp:/fs rw,flock\n"
      "31 22 0:41 / /scratch rw - nfs4 nas:/export rw\n"
      "32 22 0:42 / /with\\040space rw - xfs /dev/sdb rw\n"
      "torn line\n";
  EXPECT_EQ(mount_of(text, "/scratch/me/run").source, "nas:/export");
  EXPECT_EQ(mount_of(text, "/scratch").mount_point, "/scratch");
  EXPECT_EQ(mount_of(text, "/scratchy/run").source, "/dev/sda1");
  EXPECT_EQ(mount_of(text, "/with space/run").source, "/dev/sdb");
  EXPECT_EQ(mount_of("", "/run").mount_point, "");
}

}  // namespace
}  // namespace trireme::launcher
