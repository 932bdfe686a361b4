#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

class OwnedTree : public testing::Test {
 protected:
  Path at(const std::string& name) const { return directory_.path() / name; }
  mode_t mode_of(const std::string& name) const {
    struct stat info {};
    ::stat(at(name).c_str(), &info);
    return info.st_mode & 07777;
  }

  const tests::TemporaryDirectory directory_;
  PosixFileSystem files_;
};

TEST_F(OwnedTree, TemporaryFilesHaveOtherNamesEachTimeAndAreNew) {
  std::set<Path> names;
  for (int i = 0; i < 20; ++i) {
    const TemporaryFile made = files_.create_temporary(at("run.ini"));
    EXPECT_TRUE(made.path.string().starts_with(at("run.ini.").string()));
    EXPECT_TRUE(made.path.string().ends_with(".tmp"));
    EXPECT_EQ(made.file->size(), 0u);
    names.insert(made.path);
  }
  EXPECT_EQ(names.size(), 20u);
}

TEST_F(OwnedTree, AReplacementTakesTheLinksPlace) {
  files_.replace(at("victim"), "private");
  files_.create_symlink(at("victim"), at("run.ini"));
  files_.replace(at("run.ini"), "options");
  EXPECT_EQ(files_.read_all(at("victim")), "private");
  EXPECT_FALSE(files_.is_link(at("run.ini")));
  EXPECT_EQ(files_.read_all(at("run.ini")), "options");
}

TEST_F(OwnedTree, RemovesEverythingBelowButNothingBehindLinks) {
  files_.create_directories(at("victim") / "deep");
  files_.create_directories(at("trash") / "a" / "b");
  files_.replace(at("trash") / "a" / "file", "x");
  ASSERT_EQ(::mkfifo((at("trash") / "a" / "fifo").c_str(), 0600), 0);
  files_.create_symlink(at("victim"), at("trash") / "a" / "link");
  files_.create_symlink(at("victim"), at("trash") / "b");
  files_.remove_all(at("trash"));
  EXPECT_FALSE(files_.exists(at("trash")));
  files_.create_symlink(at("victim"), at("trash"));
  files_.remove_all(at("trash").string() + "/");
  EXPECT_FALSE(files_.exists(at("trash")));
  EXPECT_TRUE(files_.is_directory(at("victim") / "deep"));
  files_.remove_all(at("trash"));  // missing is fine
}

TEST_F(OwnedTree, APrivateDirectoryIsOursAlone) {
  files_.create_private_directory(at("fast"));
  EXPECT_EQ(mode_of("fast"), 0700u);
  ASSERT_EQ(::chmod(at("fast").c_str(), 0777), 0);
  files_.create_private_directory(at("fast"));
  EXPECT_EQ(mode_of("fast"), 0700u);
}

TEST_F(OwnedTree, APrivateDirectoryIsNeverBehindALink) {
  files_.create_directories(at("elsewhere"));
  files_.create_symlink(at("elsewhere"), at("fast"));
  EXPECT_THROW(files_.create_private_directory(at("fast")), InputError);
  files_.replace(at("file"), "");
  EXPECT_THROW(files_.create_private_directory(at("file")), InputError);
}

TEST_F(OwnedTree, APrivateDirectoryIsNotAnothersUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give directories to another user";
  files_.create_directories(at("fast"));
  ASSERT_EQ(::chown(at("fast").c_str(), 54321, 54321), 0);
  try {
    files_.create_private_directory(at("fast"));
    FAIL() << "took another user's directory";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("belongs to user 54321"), std::string::npos);
  }
}

}  // namespace
}  // namespace trireme::base
