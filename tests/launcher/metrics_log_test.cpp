#include "launcher/metrics_log.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class MetricsLogTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "metrics.jsonl"; }
  void write_steps(std::int64_t after, int attempt, std::int64_t first, std::int64_t last) {
    MetricsLog log(files_, file(), after, attempt);
    for (std::int64_t step = first; step <= last; ++step) log.append({{"step", step}, {"loss", 0.5}});
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(MetricsLogTest, AResumedAttemptMovesAwayWhatLiesAfterItsCheckpoint) {
  write_steps(0, 0, 1, 5);
  write_steps(3, 1, 4, 4);
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 4);
  EXPECT_EQ(
      files_.read_all(file()),
      "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3,\"loss\":0.5}\n{\"step\":4,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(file().string() + ".1"), "{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, ADamagedLineMovesAwayAlone) {
  write_steps(0, 0, 1, 4);
  std::string damaged = files_.read_all(file());
  damaged.replace(damaged.find("{\"step\":2"), 3, "\1\2\3");
  files_.replace(file(), damaged);
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 4);
  write_steps(4, 1, 5, 5);
  EXPECT_EQ(
      files_.read_all(file()),
      "{\"step\":1,\"loss\":0.5}\n{\"step\":3,\"loss\":0.5}\n{\"step\":4,\"loss\":0.5}\n{\"step\":5,\"loss\":0.5}\n");
  EXPECT_EQ(files_.read_all(file().string() + ".1"), "\1\2\3tep\":2,\"loss\":0.5}\n");
}

TEST_F(MetricsLogTest, ATornLastLineGoesAway) {
  write_steps(0, 0, 1, 2);
  const std::string whole = files_.read_all(file());
  files_.replace(file(), whole + "{\"step\":3,\"lo");
  EXPECT_EQ(logged_progress(files_, file(), 0).step, 2);
  write_steps(9, 1, 3, 3);
  EXPECT_EQ(files_.read_all(file()), whole + "{\"step\":3,\"loss\":0.5}\n");
}

}  // namespace
}  // namespace trireme::launcher
