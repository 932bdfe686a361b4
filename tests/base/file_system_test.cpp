#include "base/file_system.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cerrno>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

TEST(PosixFileSystem, ReplacesAFileAsAWhole) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  files.replace(directory.path() / "a", "first");
  files.replace(directory.path() / "a", "second");
  EXPECT_EQ(files.read_all(directory.path() / "a"), "second");
  EXPECT_EQ(files.list(directory.path()), std::vector<std::string>{"a"});
}

TEST(PosixFileSystem, AFailedReplacementLeavesNoTemporaryFile) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  files.create_directories(directory.path() / "a" / "in_the_way");
  EXPECT_THROW(files.replace(directory.path() / "a", "text"), IoError);
  EXPECT_EQ(files.list(directory.path()), std::vector<std::string>{"a"});
}

TEST(PosixFileSystem, AFifoInThePlaceOfAFileIsEmptyAndDoesNotBlock) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  ASSERT_EQ(::mkfifo((directory.path() / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(files.open(directory.path() / "fifo", OpenMode::kRead)->size(), 0u);
}

TEST(PosixFileSystem, ExclusiveCreationFailsOnTheSecondTry) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  files.open(directory.path() / "lease", OpenMode::kCreateExclusive);
  try {
    files.open(directory.path() / "lease", OpenMode::kCreateExclusive);
    FAIL() << "the second exclusive creation succeeded";
  } catch (const IoError& error) {
    EXPECT_EQ(error.code(), EEXIST);
  }
}

TEST(PosixFileSystem, ReadsLessOnlyAtTheEnd) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  const auto file = files.open(directory.path() / "f", OpenMode::kCreate);
  file->pwrite("abcdef", 6, 10);
  char data[10] = {};
  EXPECT_EQ(file->pread(data, sizeof data, 12), 4U);
  EXPECT_STREQ(data, "cdef");
}

TEST(PosixFileSystem, TellsWhatWasNeverWritten) {
  constexpr std::uint64_t kMiB = 1 << 20;
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  const auto file = files.open(directory.path() / "f", OpenMode::kCreate);
  file->allocate(3 * kMiB);
  file->pwrite("x", 1, 2 * kMiB + 5);
  const ByteRange written = file->first_written(0, 3 * kMiB);  // whole pages, whatever their size
  EXPECT_GT(written.begin, kMiB);
  EXPECT_LE(written.begin, 2 * kMiB + 5);
  EXPECT_GT(written.end, 2 * kMiB + 5);
  EXPECT_LT(written.end, 3 * kMiB);
  const auto expect = [&](std::uint64_t begin, std::uint64_t end, std::uint64_t first, std::uint64_t last) {
    const ByteRange range = file->first_written(begin, end);
    EXPECT_EQ(range.begin, first) << begin << " to " << end;
    EXPECT_EQ(range.end, last) << begin << " to " << end;
  };
  expect(2 * kMiB + 5, 2 * kMiB + 6, 2 * kMiB + 5, 2 * kMiB + 6);
  expect(0, kMiB, kMiB, kMiB);
  expect(written.end, 3 * kMiB, 3 * kMiB, 3 * kMiB);
  expect(written.end, 4 * kMiB, written.end, 4 * kMiB);  // beyond the end nothing is known
}

TEST(PosixFileSystem, ErrorsNameTheFile) {
  PosixFileSystem files;
  try {
    files.open("/nonexistent/file", OpenMode::kRead);
    FAIL() << "opened a missing file";
  } catch (const IoError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/file"), std::string::npos);
  }
}

TEST(PosixFileSystem, SeesADirectoryBehindALinkAndNeverRemovesIt) {
  const tests::TemporaryDirectory directory;
  PosixFileSystem files;
  const auto scratch = directory.path() / "scratch";
  const auto link = directory.path() / "runs";
  files.create_directories(scratch / "a");
  files.create_symlink(scratch, link);
  EXPECT_TRUE(files.is_directory(link));
  EXPECT_TRUE(files.is_link(link));
  EXPECT_FALSE(files.is_link(scratch));
  files.create_directories(link / "b");
  EXPECT_TRUE(files.is_directory(scratch / "b"));
  files.remove_all(link);
  EXPECT_FALSE(files.exists(link));
  EXPECT_TRUE(files.is_directory(scratch / "a"));
}

}  // namespace
}  // namespace trireme::base
