#include "base/output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;
using testing::AllOf;
using testing::HasSubstr;

class OutputFileTest : public testing::Test {
 protected:
  Path make(const char* name, const char* content) {
    std::ofstream(root() / name) << content;
    return root() / name;
  }
  const Path& root() const { return directory_.path(); }
  static std::string refusal(const Path& named, Overwrite overwrite = Overwrite::kRefused) {
    try {
      return "took " + output_file(named, overwrite).string();
    } catch (const InputError& error) {
      return error.what();
    }
  }

 private:
  tests::TemporaryDirectory directory_;
};

TEST_F(OutputFileTest, IsTheNameItselfWhereNothingIs) {
  EXPECT_EQ(output_file(root() / "new.h5", Overwrite::kRefused), root() / "new.h5");
  EXPECT_EQ(output_file("new.h5", Overwrite::kRefused), "new.h5");
}

TEST_F(OutputFileTest, DataIsReplacedOnlyByForce) {
  const Path old = make("old.h5", "data");
  EXPECT_THAT(refusal(old), AllOf(HasSubstr("old.h5 already (4 bytes)"), HasSubstr("--force")));
  EXPECT_EQ(output_file(old, Overwrite::kForced), old);
  const Path empty = make("empty.h5", "");
  EXPECT_EQ(output_file(empty, Overwrite::kRefused), empty);
}

TEST_F(OutputFileTest, ALinkIsFollowedToItsEnd) {
  std::filesystem::create_directory(root() / "far");
  make("far/old", "data");
  std::filesystem::create_symlink("second", root() / "first");
  std::filesystem::create_symlink("far/old", root() / "second");
  std::filesystem::create_symlink("far/new", root() / "third");
  EXPECT_THAT(refusal(root() / "first"), HasSubstr("first already"));
  EXPECT_EQ(output_file(root() / "first", Overwrite::kForced), root() / "far/old");
  EXPECT_EQ(output_file(root() / "third", Overwrite::kRefused), root() / "far/new");
  std::filesystem::create_symlink("loop", root() / "loop");
  EXPECT_THAT(refusal(root() / "loop", Overwrite::kForced), HasSubstr("leads to no file"));
}

TEST_F(OutputFileTest, WhatIsNoOrdinaryFileIsRefusedEvenByForce) {
  const Path fifo = root() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::filesystem::create_symlink(fifo, root() / "to_fifo");
  for (const Path& path : {fifo, root() / "to_fifo"}) {
    EXPECT_THAT(refusal(path, Overwrite::kForced), HasSubstr("is a FIFO, no ordinary file: name a file"));
  }
  EXPECT_THAT(refusal(root(), Overwrite::kForced), HasSubstr("is a directory: name a file"));
  EXPECT_THAT(refusal("/dev/null", Overwrite::kForced), HasSubstr("/dev/null is a device"));
  EXPECT_THAT(refusal("/dev/stdout", Overwrite::kForced), HasSubstr("/dev/stdout is an open stream"));
  EXPECT_THAT(refusal("/dev/fd/1", Overwrite::kForced), HasSubstr("is an open stream"));
  EXPECT_THAT(refusal("", Overwrite::kForced), HasSubstr("no file"));
  const Path device = root() / "device";
  if (::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {  // root only
    EXPECT_THAT(refusal(device, Overwrite::kForced), HasSubstr("is a device"));
  }
}

TEST_F(OutputFileTest, SaysWhenItsDirectoryWillNotDo) {
  EXPECT_THAT(refusal(root() / "none" / "x.h5"), HasSubstr("does not exist: make it first"));
  EXPECT_THAT(refusal(make("file", "data") / "x.h5"), HasSubstr("does not exist: make it first"));
}

}  // namespace
}  // namespace trireme::base
