// What a rank finds out about its own node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "launcher/doctor/clock_offset.hpp"
#include "launcher/doctor/directory_probe.hpp"
#include "launcher/doctor/disk_speed.hpp"
#include "launcher/doctor/loaded_files.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::doctor {
namespace {

using testing::HasSubstr;

TEST(ClockOffset, TheShortestRoundTripDecides) {
  const ClockOffset offset = offset_of({{10.0, 15.5, 11.0}, {20.0, 25.001, 20.002}, {30.0, 36.0, 30.5}});
  EXPECT_NEAR(offset.seconds, 5.0, 1e-9);
  EXPECT_NEAR(offset.error_seconds, 0.001, 1e-9);
}

TEST(DiskSpeed, AllNodesTogetherStayBelowTheBound) {
  EXPECT_EQ(bytes_of_node(std::uint64_t{128} << 20, 4), std::uint64_t{128} << 20);
  EXPECT_EQ(bytes_of_node(std::uint64_t{128} << 20, 1000), std::uint64_t{16} << 20);
  EXPECT_EQ(bytes_of_node(std::uint64_t{1} << 20, 1), kDiskBlock);
  EXPECT_EQ(bytes_of_node(std::uint64_t{128} << 20, 100000), kDiskBlock);
}

TEST(DiskSpeed, ReadsWhatWasWrittenAndNothingElse) {
  const tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  const auto path = directory.path() / "data";
  const DiskAmount amount{3 * kDiskBlock, 60};
  EXPECT_GT(write_rate(files, path, 7, amount), 0);
  EXPECT_EQ(files.open(path, base::OpenMode::kRead)->size(), 3 * kDiskBlock);
  EXPECT_GT(read_rate(files, path, 7, amount), 0);
  EXPECT_THROW(read_rate(files, path, 8, amount), base::Error);
  files.open(path, base::OpenMode::kReadWrite)->pwrite("x", 1, 2 * kDiskBlock + 12345);
  try {
    read_rate(files, path, 7, amount);
    FAIL() << "a changed byte was not noticed";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("block 2"));
  }
}

TEST(DiskSpeed, EndsWhenItsTimeIsOver) {
  const tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  const DiskAmount amount{std::uint64_t{1} << 40, 0.01};
  EXPECT_GT(write_rate(files, directory.path() / "data", 0, amount), 0);
  EXPECT_LT(files.open(directory.path() / "data", base::OpenMode::kRead)->size(), std::uint64_t{1} << 30);
}

TEST(Leftovers, AreOldAndOurs) {
  const std::string name = probe_prefix(1000, 42) + "3.data";
  EXPECT_FALSE(is_leftover(name, 1000 + 3599));
  EXPECT_TRUE(is_leftover(name, 1000 + 3600));
  for (const char* other : {".doctor.", ".doctor.notes", ".doctor.x-1.0", "doctor.1-1.0", "run.ini", ".doctor.12"}) {
    EXPECT_FALSE(is_leftover(other, 1000000)) << other;
  }
}

TEST(LoadedFiles, HaveIdentities) {
  const LoadedFiles files = loaded_files();
  EXPECT_FALSE(files.program.empty());
  ASSERT_EQ(files.libraries.count("libc.so.6"), 1u);
  for (const auto& [name, identity] : files.libraries) EXPECT_FALSE(identity.empty()) << name;
}

}  // namespace
}  // namespace trireme::doctor
