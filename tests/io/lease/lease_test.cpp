#include "io/lease/lease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <set>

#include "base/json.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::checkpoint {
namespace {

using namespace std::chrono_literals;
using tests::MemoryFileSystem;
const std::filesystem::path kRun = "/run";

LeaseHolder holder(const std::string& job, std::int64_t restart, const std::string& host, std::int64_t process) {
  return {job,
          restart,
          host,
          "boot " + host,
          process,
          base::str("t", process),
          base::str("token-", host, "-", process, "-", restart),
          "alpha"};
}

LeaseHolder of_cluster(const std::string& cluster, LeaseHolder holder) {
  holder.cluster = cluster;
  return holder;
}

/// A clock that only waiting moves, and processes and jobs that exist by decree.
struct FakeWorld {
  std::chrono::steady_clock::time_point time{};
  std::set<std::int64_t> alive;
  std::function<std::optional<bool>(const std::string&)> job_running = [](const std::string&) { return std::nullopt; };
  std::string cluster = "alpha";
  std::function<void()> meanwhile = [] {};
  bool stop = false;

  LeaseWorld world() {
    return {[this] { return time; },
            [this](std::chrono::milliseconds waited) {
              time += waited;
              meanwhile();
              return !stop;
            },
            [this](std::int64_t process, const std::string& started) {
              return alive.count(process) > 0 && started == base::str("t", process);
            },
            [this](const std::string& job) { return job_running(job); }, [this] { return cluster; }};
  }
};

class LeaseTest : public testing::Test {
 protected:
  Lease acquire(const LeaseHolder& self) {
    return Lease::acquire(files, kRun, self, fake.world(), [this](const std::string& line) { said.push_back(line); });
  }
  std::chrono::seconds waited() const {
    return std::chrono::duration_cast<std::chrono::seconds>(fake.time.time_since_epoch());
  }

  MemoryFileSystem files;
  FakeWorld fake;
  std::vector<std::string> said;
};

TEST_F(LeaseTest, AFreeRunDirectoryIsTakenAndReleased) {
  Lease lease = acquire(holder("1", 0, "n1", 10));
  EXPECT_TRUE(lease.holds_lease());
  EXPECT_EQ(base::Json::parse(files.read_all(kRun / "lease")).at("job"), "1");
  lease.release();
  EXPECT_FALSE(files.exists(kRun / "lease"));
  EXPECT_FALSE(lease.holds_lease());
  EXPECT_EQ(waited(), 0s);
}

TEST_F(LeaseTest, AProcessOnThisMachineThatGoesOnLivingIsRefusedInOneSentence) {
  acquire(holder("1", 0, "n1", 10));
  fake.alive = {10};
  try {
    acquire(holder("2", 0, "n1", 11));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/run is in use by job 1 of cluster alpha, process 10 on n1"));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
  }
  EXPECT_GE(waited(), Lease::kLeaving);
  EXPECT_LT(waited(), Lease::kLeaving + 2s);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said.front(), testing::HasSubstr("in use by job 1 of cluster alpha, process 10 on n1; waiting"));
}

TEST_F(LeaseTest, ARankThatOutlivesItsLauncherIsWaitedFor) {
  acquire(holder("1", 0, "n1", 10));
  LeaseWorld world = fake.world();
  world.process_alive = [this](std::int64_t process, const std::string&) { return process == 10 && waited() < 3s; };
  Lease second = Lease::acquire(files, kRun, holder("1", 0, "n1", 11), world, {});
  EXPECT_TRUE(second.holds_lease());
  EXPECT_GE(waited(), 3s);
  EXPECT_LT(waited(), 5s);
}

TEST_F(LeaseTest, AHolderOnThisMachineThatReleasesAndLivesOnIsFollowed) {
  Lease first = acquire(holder("1", 0, "n1", 10));
  fake.alive = {10};
  fake.meanwhile = [&] {
    if (waited() >= 2s) first.release();
  };
  EXPECT_TRUE(acquire(holder("2", 0, "n1", 11)).holds_lease());
  EXPECT_LT(waited(), 4s);
}

TEST_F(LeaseTest, ADeadProcessOnThisMachineIsReplacedAtOnce) {
  Lease first = acquire(holder("1", 0, "n1", 10));
  Lease second = acquire(holder("1", 0, "n1", 11));
  EXPECT_EQ(waited(), 0s);
  EXPECT_FALSE(first.holds_lease());
  EXPECT_FALSE(first.heartbeat() && (fake.time += 30s, first.heartbeat()));
  EXPECT_TRUE(second.holds_lease());
  first.release();
  EXPECT_TRUE(second.holds_lease()) << "a lost lease is not this holder's to remove";
  EXPECT_FALSE(files.exists(kRun / "lease.takeover"));
}

TEST_F(LeaseTest, AReusedProcessIdIsNotTheHolder) {
  LeaseHolder old = holder("1", 0, "n1", 10);
  old.started = "long ago";
  acquire(old);
  fake.alive = {10};
  acquire(holder("2", 0, "n1", 11));
  EXPECT_EQ(waited(), 0s);
}

TEST_F(LeaseTest, ARequeuedJobTakesOverFromItsEarlierStart) {
  acquire(holder("1", 0, "n1", 10));
  acquire(holder("1", 1, "n2", 20));
  EXPECT_EQ(waited(), 0s);
}

TEST_F(LeaseTest, AJobThatTheQueueDoesNotRunIsReplacedAtOnce) {
  acquire(holder("1", 0, "n1", 10));
  fake.job_running = [](const std::string& job) { return std::optional(job != "1"); };
  acquire(holder("2", 0, "n2", 20));
  EXPECT_EQ(waited(), 0s);
}

TEST_F(LeaseTest, AJobOfAnotherClusterIsNeverLookedUpInThisQueue) {
  acquire(of_cluster("beta", holder("1", 0, "n1", 10)));
  fake.job_running = [](const std::string& job) {
    ADD_FAILURE() << "looked up " << job;
    return std::optional(false);
  };
  acquire(holder("2", 0, "n2", 20));
  EXPECT_EQ(waited(), 60s);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], testing::HasSubstr("by job 1 of cluster beta on n1"));
}

TEST_F(LeaseTest, TheSameJobIdOfAnotherClusterIsAnotherJob) {
  Lease first = acquire(of_cluster("beta", holder("1", 0, "n1", 10)));
  fake.meanwhile = [&] { EXPECT_TRUE(first.heartbeat()); };
  EXPECT_THROW(acquire(holder("1", 1, "n2", 20)), base::Error) << "its restart count is of another job";
  EXPECT_TRUE(first.holds_lease());
}

TEST_F(LeaseTest, AJobOfAClusterThatNobodyNamesIsWatched) {
  for (const char* unnamed : {"the holder's", "the reader's"}) {
    const auto before = fake.time;
    const bool holders = std::string(unnamed) == "the holder's";
    acquire(of_cluster(holders ? "" : "alpha", holder("1", 0, "n1", 10)));
    fake.cluster = holders ? "alpha" : "";
    fake.job_running = [](const std::string&) { return std::optional(false); };
    acquire(holder("2", 0, "n2", 20)).release();
    EXPECT_EQ(fake.time - before, 60s) << unnamed;
  }
}

TEST_F(LeaseTest, AnEarlierVersionsLeaseIsOneWithoutACluster) {
  acquire(holder("1", 0, "n1", 10));
  base::Json old = base::Json::parse(files.read_all(kRun / "lease"));
  old.erase("cluster");
  files.replace(kRun / "lease", base::to_line(old) + "\n");
  fake.alive = {10};
  EXPECT_THROW(acquire(holder("2", 0, "n1", 11)), base::Error) << "the process on this machine still counts";
  fake.alive = {};
  const auto before = fake.time;
  acquire(holder("2", 0, "n1", 11));
  EXPECT_EQ(fake.time, before);
}

TEST_F(LeaseTest, ASilentHolderElsewhereIsReplacedAfterAMinute) {
  acquire(holder("1", 0, "n1", 10));
  fake.job_running = [](const std::string&) { return std::optional(true); };
  acquire(holder("2", 0, "n2", 20));
  EXPECT_EQ(waited(), 60s);
  EXPECT_EQ(said.size(), 1u);
}

TEST_F(LeaseTest, AHolderElsewhereThatBeatsIsRefused) {
  Lease first = acquire(holder("1", 0, "n1", 10));
  fake.meanwhile = [&] { EXPECT_TRUE(first.heartbeat()); };
  EXPECT_THROW(acquire(holder("2", 0, "n2", 20)), base::Error);
  EXPECT_LE(waited(), 21s);
  EXPECT_TRUE(first.holds_lease());
}

TEST_F(LeaseTest, AHolderElsewhereThatEndsIsFollowed) {
  Lease first = acquire(holder("1", 0, "n1", 10));
  fake.meanwhile = [&] {
    if (fake.time.time_since_epoch() > 5s) first.release();
  };
  acquire(holder("2", 0, "n2", 20));
  EXPECT_LT(waited(), 7s);
}

TEST_F(LeaseTest, WaitingEndsWhenAStopIsRequested) {
  acquire(holder("1", 0, "n1", 10));
  fake.meanwhile = [&] { fake.stop = fake.time.time_since_epoch() > 3s; };
  EXPECT_THROW(acquire(holder("2", 0, "n2", 20)), base::Error);
  EXPECT_LT(waited(), 5s);
}

TEST_F(LeaseTest, HalfWrittenAndForeignContentIsWaitedOut) {
  for (const char* content : {"", "{\"job\":", "[]", "{\"job\":1}"}) {
    files.open(kRun / "lease", base::OpenMode::kCreate)->pwrite(content, std::strlen(content), 0);
    const auto before = fake.time;
    Lease lease = acquire(holder("2", 0, "n2", 20));
    EXPECT_EQ(fake.time - before, 60s);
    lease.release();
  }
}

TEST_F(LeaseTest, ATakerThatDiedIsReplacedToo) {
  acquire(holder("1", 0, "n1", 10));
  files.open(kRun / "lease.takeover", base::OpenMode::kCreate);
  acquire(holder("1", 1, "n2", 20));
  EXPECT_EQ(waited(), 60s);
  EXPECT_FALSE(files.exists(kRun / "lease.takeover"));
}

TEST_F(LeaseTest, OfTwoTakersOneGetsIt) {
  acquire(holder("1", 0, "n1", 10));
  fake.alive = {30};
  fake.job_running = [this](const std::string& job) {
    // While this one asks about job 1, another one finds it gone and is faster.
    if (job == "1") {
      files.remove(kRun / "lease");
      Lease::acquire(files, kRun, holder("3", 0, "n2", 30), fake.world(), {});
    }
    return std::optional(false);
  };
  EXPECT_THROW(acquire(holder("2", 0, "n2", 20)), base::Error);
  EXPECT_THAT(files.read_all(kRun / "lease"), testing::HasSubstr("\"job\":\"3\""));
  EXPECT_FALSE(files.exists(kRun / "lease.takeover"));
}

TEST_F(LeaseTest, BeatsOnlyEveryTwentySeconds) {
  Lease lease = acquire(holder("1", 0, "n1", 10));
  const std::string first = files.read_all(kRun / "lease");
  fake.time += 19s;
  EXPECT_TRUE(lease.heartbeat());
  EXPECT_EQ(files.read_all(kRun / "lease"), first);
  fake.time += 1s;
  EXPECT_TRUE(lease.heartbeat());
  EXPECT_NE(files.read_all(kRun / "lease"), first);
  EXPECT_TRUE(lease.holds_lease());
}

TEST_F(LeaseTest, AFailingDiskAtAnyCallIsASentenceOrNoHarm) {
  for (long n = 1;; ++n) {
    MemoryFileSystem disk;
    Lease::acquire(disk, kRun, holder("1", 0, "n1", 10), fake.world(), {});
    disk.fail_at(n, EIO);
    try {
      Lease lease = Lease::acquire(disk, kRun, holder("1", 0, "n1", 11), fake.world(), {});
      EXPECT_TRUE(lease.holds_lease());
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("lease"));
    }
    if (!disk.has_failed()) break;
  }
}

TEST(LeaseWorld, KnowsThisProcess) {
  const LeaseHolder self = this_process("local", 0);
  const LeaseWorld world = real_world([](const std::string&) { return std::nullopt; }, [] { return false; });
  EXPECT_TRUE(world.process_alive(self.process, self.started));
  EXPECT_FALSE(world.process_alive(self.process, "1"));
  EXPECT_FALSE(world.process_alive(1 << 22, "1"));
  EXPECT_NE(self.token, this_process("local", 0).token);
  EXPECT_FALSE(self.host.empty());
  EXPECT_GT(self.machine.size(), 30u);
}

TEST(LeaseWorld, TwoProgramsOnARealDisk) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  const auto world = [] { return real_world([](const std::string&) { return std::nullopt; }, [] { return false; }); };
  Lease lease = Lease::acquire(files, directory.path(), this_process("local", 0), world(), {});
  EXPECT_THROW(Lease::acquire(files, directory.path(), this_process("local", 0), world(), {}), base::Error);
  lease.release();
  Lease::acquire(files, directory.path(), this_process("local", 0), world(), {});
}

TEST(LeaseWorld, WhatIsNoLeaseIsSaidAndNotTouched) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  const auto lease = directory.path() / "lease";
  const auto world = [] { return real_world([](const std::string&) { return std::nullopt; }, [] { return true; }); };
  const auto problem = [&]() -> std::string {
    try {
      Lease::acquire(files, directory.path(), this_process("local", 0), world(), {});
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  };
  files.replace(directory.path() / "victim", "private");
  files.create_symlink(directory.path() / "victim", lease);
  EXPECT_THAT(problem(), testing::HasSubstr("lease is a symbolic link"));
  files.remove(lease);
  ASSERT_EQ(::mkfifo(lease.c_str(), 0600), 0);
  EXPECT_THAT(problem(), testing::HasSubstr("lease is a FIFO"));
  files.remove(lease);
  files.create_directory(lease);
  EXPECT_THAT(problem(), testing::HasSubstr("lease is a directory"));
  files.remove(lease);
  Lease mine = Lease::acquire(files, directory.path(), this_process("local", 0), world(), {});
  files.remove(lease);
  files.create_symlink(directory.path() / "victim", lease);
  EXPECT_FALSE(mine.holds_lease());
  EXPECT_EQ(files.read_all(directory.path() / "victim"), "private");
}

TEST_F(LeaseTest, AHolderWhoseJobIsAnOptionIsNotAskedFor) {
  fake.job_running = [](const std::string& job) -> std::optional<bool> {
    ADD_FAILURE() << "asked the queue for " << job;
    return false;
  };
  acquire(holder("7", 0, "n1", 5));
  std::string& text = files.bytes(kRun / "lease");
  text.replace(text.find("\"7\""), 3, "\"1 --format=%Z\"");
  acquire(holder("8", 0, "n2", 6));
  EXPECT_EQ(waited(), Lease::kUnchanged);
}

}  // namespace
}  // namespace trireme::checkpoint
