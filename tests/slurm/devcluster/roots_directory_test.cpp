#include "slurm/devcluster/roots_directory.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::devcluster {
namespace {

namespace fs = std::filesystem;
constexpr uid_t kAnother = 54321;

/// Below a directory that only root may write to.
class RootsDirectory : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give directories to another user";
  }
  std::string problem(const fs::path& directory, std::optional<uid_t> also = {}) {
    try {
      require_roots_directory(directory, also);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  }
  fs::path make(const fs::path& path, mode_t mode, uid_t owner = 0) {
    fs::create_directories(path);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(::chown(path.c_str(), owner, owner), 0);
    return path;
  }

  const tests::TemporaryDirectory directory_;
  const fs::path top_ = directory_.path();
};

TEST_F(RootsDirectory, IsOneThatOnlyRootMayWriteTo) {
  EXPECT_EQ(problem(top_ / "none"), "");
  EXPECT_EQ(problem(make(top_ / "good", 0755)), "");
  EXPECT_NE(problem(make(top_ / "open", 0777)).find("writable for others"), std::string::npos);
  EXPECT_NE(problem(make(top_ / "group", 0775)).find("writable for others"), std::string::npos);
  EXPECT_NE(problem(make(top_ / "theirs", 0700, kAnother)).find("belongs to user 54321"), std::string::npos);
}

TEST_F(RootsDirectory, IsNoLink) {
  fs::create_directory_symlink(make(top_ / "good", 0755), top_ / "link");
  EXPECT_NE(problem(top_ / "link").find("is no directory"), std::string::npos);
}

TEST_F(RootsDirectory, CannotBeExchangedByOthers) {
  EXPECT_NE(problem(make(top_ / "open", 0777) / "cluster").find("writable for everybody"), std::string::npos);
  EXPECT_EQ(problem(make(top_ / "sticky", 01777) / "cluster"), "");
  const fs::path below = make(top_ / "home", 0755, kAnother) / "cluster";
  EXPECT_NE(problem(below).find("belongs to user 54321"), std::string::npos);
  EXPECT_EQ(problem(below, kAnother), "");  // who called sudo
}

}  // namespace
}  // namespace trireme::devcluster
