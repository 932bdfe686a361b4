#include "launcher/run_directory/lease_keeper.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using namespace std::chrono_literals;

class LeaseKeeperTest : public testing::Test {
 protected:
  // Every look at the clock finds a minute gone, so that each beat is due.
  checkpoint::Lease acquire() {
    checkpoint::LeaseWorld world;
    world.now = [this] { return std::chrono::steady_clock::time_point(1min * ++minutes_); };
    world.wait = [](std::chrono::milliseconds) { return false; };
    world.process_alive = [](std::int64_t, const std::string&) { return false; };
    world.job_running = [](const std::string&) { return std::optional<bool>(); };
    return checkpoint::Lease::acquire(files_, run_.path(), checkpoint::this_process("local", 0), world, nullptr);
  }
  std::int64_t beats() { return base::Json::parse(files_.read_all(lease_)).at("beat").get<std::int64_t>(); }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory run_;
  std::filesystem::path lease_ = run_.path() / "lease";
  std::atomic<int> minutes_ = 0;
};

TEST_F(LeaseKeeperTest, BeatsWhileItsOwnerIsBusy) {
  LeaseKeeper keeper(acquire(), 1ms);
  while (beats() < 3) std::this_thread::yield();
  EXPECT_TRUE(keeper.kept());
  EXPECT_TRUE(keeper.holds_lease());
  keeper.release();
  EXPECT_FALSE(files_.exists(lease_));
}

TEST_F(LeaseKeeperTest, NoticesThatTheLeaseWasTaken) {
  LeaseKeeper keeper(acquire(), 1ms);
  while (keeper.kept()) {
    files_.replace(lease_, "another one's");
    std::this_thread::yield();
  }
  EXPECT_FALSE(keeper.holds_lease());
  keeper.release();
  EXPECT_EQ(files_.read_all(lease_), "another one's");
}

}  // namespace
}  // namespace trireme::launcher
