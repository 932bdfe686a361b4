#include "io/checkpoint/run/quota.hpp"

#include <gtest/gtest.h>

namespace trireme::checkpoint::tests {
namespace {

constexpr std::uint64_t kKiB = 1024;
const QuotaOwner kOwner{1001, 500, "/dev/sda1", "/scratch", "", 1'700'000'000};
const std::string kLfsColumns = "     Filesystem  kbytes   quota   limit   grace   files   quota   limit   grace\n";
const std::string kQuotaColumns = "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n";

std::vector<Quota> lfs(const std::string& rows, const std::string& of = "usr alice (uid 1001)") {
  return parse_lfs_quota("Disk quotas for " + of + ":\n" + kLfsColumns + rows, kOwner);
}

TEST(LfsQuota, LeavesTheHardLimitLessWhatIsUsed) {
  const auto found = lfs("       /scratch 5242880  8388608 9437184       -  120000       0 1000000       -\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "your quota on /scratch");
  EXPECT_EQ(found[0].bytes_left, (9437184 - 5242880) * kKiB);
  EXPECT_EQ(found[0].files_left, 880000U);
}

TEST(LfsQuota, TakesALongNameOnALineOfItsOwnAndRemarks) {
  const auto found =
      lfs("/lustre/projects/with/a/long/name\n"
          "                100*     0      50       -       7       0       0       -\n"
          "pid 77 is using default file quota setting\n",
          "prj 77 (pid 77)");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "the quota of project 77 on /scratch");
  EXPECT_EQ(found[0].bytes_left, 0U);
  EXPECT_EQ(found[0].files_left, std::nullopt);
}

TEST(LfsQuota, OverTheSoftLimitTheHardOneCountsUntilTheGraceIsOver) {
  EXPECT_EQ(lfs("/scratch 900* 800 1000 6d23h59m58s 5 0 0 -\n")[0].bytes_left, 100 * kKiB);
  EXPECT_EQ(lfs("/scratch 900* 800 1000 none 5 0 0 -\n")[0].bytes_left, 0U);
  EXPECT_EQ(lfs("/scratch 9 0 0 - 5* 4 10 none\n")[0].files_left, 0U);
  EXPECT_EQ(lfs("/scratch 700 800 0 - 5 0 0 -\n")[0].bytes_left, 100 * kKiB) << "no hard limit: the soft one";
}

TEST(LfsQuota, TakesValuesInBracketsAndRowsWithoutGrace) {
  const auto found = lfs("/fred [1041408]  5242880 6291456       -     [3]       0       10       -\n");
  EXPECT_EQ(found[0].bytes_left, (6291456 - 1041408) * kKiB);
  EXPECT_EQ(found[0].files_left, 7U);
  EXPECT_EQ(lfs("./ 1840 0 2000 23 0 40\n")[0].files_left, 17U);
}

TEST(LfsQuota, SaysNothingWithoutLimitsOrWithoutARow) {
  EXPECT_TRUE(lfs("/scratch 5242880 0 0 - 120000 0 0 -\n").empty());
  for (const char* text :
       {"", "lfs quota: '/home/me' not on a mounted Lustre filesystem\n", "Disk quotas for usr alice (uid 1001):\n",
        "/scratch 1 2 3 - 4 5 6 -\n", "Permission denied"}) {
    EXPECT_TRUE(parse_lfs_quota(text, kOwner).empty()) << text;
  }
  EXPECT_TRUE(lfs("/scratch a few too many - words and no number\n").empty());
  EXPECT_TRUE(lfs("/scratch 1 2\n").empty());
  EXPECT_TRUE(lfs("/scratch 99999999999999999999999 2 3 - 1 2 3 -\n").empty());
}

TEST(LfsProject, IsTheFirstNumberUnlessItIsNone) {
  EXPECT_EQ(parse_lfs_project("110255 P /lustre/project\n"), 110255U);
  EXPECT_EQ(parse_lfs_project("    0 - /lustre/project\n"), std::nullopt);
  EXPECT_EQ(parse_lfs_project("lfs project: cannot open '/x'\n"), std::nullopt);
  EXPECT_EQ(parse_lfs_project(""), std::nullopt);
}

TEST(Quota, TakesTheRowsOfWhatIsMountedForThisUserAndGroup) {
  const std::string text = "Disk quotas for user alice (uid 1001): \n" + kQuotaColumns +
                           "      /dev/sda1   14340   16384   20480       0      12       0     100       0\n"
                           "      /dev/sda10      1       2       3       0       1       2       3       0\n"
                           "nas:/export/home    479  524288  734003       0     352       0       0       0\n";
  const auto found = parse_quota(text, kOwner);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "your quota on /scratch");
  EXPECT_EQ(found[0].bytes_left, (20480 - 14340) * kKiB);
  EXPECT_EQ(found[0].files_left, 88U);
  QuotaOwner nfs = kOwner;
  nfs.source = "nas:/export/home";
  EXPECT_EQ(parse_quota(text, nfs)[0].bytes_left, (734003 - 479) * kKiB);
  nfs.uid = 7;
  EXPECT_TRUE(parse_quota(text, nfs).empty());
}

TEST(Quota, TakesOnlyTheGroupThatNewFilesGet) {
  const std::string text = "Disk quotas for group staff (gid 50): none\nDisk quotas for group lab (gid 500): \n" +
                           kQuotaColumns + "/dev/sda1 10 0 30 0 1 0 0 0\nDisk quotas for group hpc (gid 501): \n" +
                           kQuotaColumns + "/dev/sda1 10 0 11 0 1 0 0 0\n";
  const auto found = parse_quota(text, kOwner);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "the quota of group 500 on /scratch");
  EXPECT_EQ(found[0].bytes_left, 20 * kKiB);
}

TEST(Quota, KnowsWhenAGracePeriodIsOver) {
  const auto of = [](const std::string& row) {
    return parse_quota("Disk quotas for user alice (uid 1001): \n" + kQuotaColumns + row, kOwner);
  };
  EXPECT_EQ(of("/dev/sda1 900* 800 1000 1700000001 1 0 0 0\n")[0].bytes_left, 100 * kKiB);
  EXPECT_EQ(of("/dev/sda1 900* 800 1000 1699999999 1 0 0 0\n")[0].bytes_left, 0U);
  EXPECT_EQ(of("/dev/sda1 1 0 0 0 9* 8 10 1700000000\n")[0].files_left, 0U);
  EXPECT_TRUE(of("/dev/sda1 900 0 0 0 1 0 0 0\n").empty());
}

TEST(Quota, SaysNothingAboutWhatItDoesNotKnow) {
  for (const char* text :
       {"", "Disk quotas for user alice (uid 1001): none\n", "quota: invalid option -- 'p'\n",
        "Disk quotas for user alice (uid 1001): \n/dev/sda1 1 2 3 7days 1 2 3 none\n", "/dev/sda1 1 2 3 0 1 2 3 0\n",
        "Disk quotas for user alice (uid x): \n/dev/sda1 1 2 3 0 1 2 3 0\n"}) {
    EXPECT_TRUE(parse_quota(text, kOwner).empty()) << text;
  }
}

const QuotaOwner kGpfs{1001, 500, "/dev/gpfs0", "/gpfs", "", 0};
const std::string kHeader =
    "mmlsquota::HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:blockUsage:blockQuota:blockLimit:"
    "blockInDoubt:blockGrace:filesUsage:filesQuota:filesLimit:filesInDoubt:filesGrace:remarks:quota:defQuota:fid:"
    "filesetname:\n";

TEST(Mmlsquota, TakesTheRowsOfThisFileSystemUserAndGroup) {
  const auto found = parse_mmlsquota(
      kHeader +
          "mmlsquota::0:1:::gpfs0:USR:1001:alice:2097152:10485760:12582912:0:none:4000:0:5000:0:none:e:on:off:::\n"
          "mmlsquota::0:1:::gpfs1:USR:1001:alice:1:2:3:0:none:1:2:3:0:none:e:on:off:::\n"
          "mmlsquota::0:1:::gpfs0:GRP:500:lab:10:20:0:0:none:1:0:0:0:none:e:on:off:::\n"
          "mmlsquota::0:1:::gpfs0:GRP:501:other:10:20:30:0:none:1:0:0:0:none:e:on:off:::\n",
      kGpfs);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "your quota on /gpfs");
  EXPECT_EQ(found[0].bytes_left, (12582912 - 2097152) * kKiB);
  EXPECT_EQ(found[0].files_left, 1000U);
  EXPECT_EQ(found[1].name, "the quota of group 500 on /gpfs");
  EXPECT_EQ(found[1].bytes_left, 10 * kKiB);
}

TEST(Mmlsquota, GoesByTheHeadersNamesAndKnowsExpiredGrace) {
  const auto found = parse_mmlsquota(
      "mmlsquota:user:HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:filesUsage:filesQuota:"
      "filesLimit:filesGrace:blockUsage:blockQuota:blockLimit:blockGrace:filesetName:\n"
      "mmlsquota:user:0:1:::gpfs0:USR:1001:alice:1:0:7:none:90:80:100:expired::\n",
      kGpfs);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].bytes_left, 0U);
  EXPECT_EQ(found[0].files_left, 6U);
}

TEST(Mmlsquota, TakesOtherFilesetsRowsOnlyWhenTheDirectoryLiesThere) {
  const std::string text = kHeader +
                           "mmlsquota::0:1:::gpfs0:USR:1001:alice:1:0:5:0:none:0:0:0:0:none:e:on:off::home:\n"
                           "mmlsquota::0:1:::gpfs0:USR:1001:alice:1:0:9:0:none:0:0:0:0:none:e:on:off::root:\n"
                           "mmlsquota::0:1:::gpfs0:FILESET:3:home:1:0:4:0:none:0:0:0:0:none:e:on:off:::\n";
  const auto unknown = parse_mmlsquota(text, kGpfs);
  ASSERT_EQ(unknown.size(), 1U);
  EXPECT_EQ(unknown[0].bytes_left, 8 * kKiB);
  QuotaOwner home = kGpfs;
  home.fileset = "home";
  const auto known = parse_mmlsquota(text, home);
  ASSERT_EQ(known.size(), 2U);
  EXPECT_EQ(known[0].bytes_left, 4 * kKiB);
  EXPECT_EQ(known[1].name, "the quota of fileset home on /gpfs");
  EXPECT_EQ(known[1].bytes_left, 3 * kKiB);
}

TEST(Mmlsquota, SaysNothingAboutWhatItDoesNotKnow) {
  for (const std::string& text :
       {std::string(), kHeader, std::string("mmlsquota: No quota enabled file system found.\n"),
        std::string("mmlsquota::0:1:::gpfs0:USR:1001:alice:1:2:3:0:none:1:2:3\n"),
        kHeader + "mmlsquota::0:1:::gpfs0:USR:1001:alice:x:2:3:0:none:1:2:3:0:none:e:on:off:::\n",
        kHeader + "mmlsquota::0:1:::gpfs0:USR:1001\n"}) {
    EXPECT_TRUE(parse_mmlsquota(text, kGpfs).empty()) << text;
  }
}

TEST(Mmlsattr, NamesTheFileset) {
  EXPECT_EQ(parse_mmlsattr_fileset("file name:            /gpfs/me\nfileset name:         home\nsnapshot name:\n"),
            "home");
  EXPECT_EQ(parse_mmlsattr_fileset("mmlsattr: command not found"), "");
  EXPECT_EQ(parse_mmlsattr_fileset("fileset name:\n"), "");
}

}  // namespace
}  // namespace trireme::checkpoint::tests
