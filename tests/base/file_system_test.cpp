#include "base/file_system.hpp"

#include <gtest/gtest.h>

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

TEST(PosixFileSystem, ErrorsNameTheFile) {
  PosixFileSystem files;
  try {
    files.open("/nonexistent/file", OpenMode::kRead);
    FAIL() << "opened a missing file";
  } catch (const IoError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/file"), std::string::npos);
  }
}

}  // namespace
}  // namespace trireme::base
