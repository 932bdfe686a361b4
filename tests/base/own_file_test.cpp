#include "base/own_file.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

class OwnFile : public testing::Test {
 protected:
  Path at(const std::string& name) const { return directory_.path() / name; }
  void put(const std::string& name, const std::string& text) {
    files_.open(at(name), OpenMode::kCreate)->pwrite(text.data(), text.size(), 0);
  }
  std::string problem(const std::string& name, OpenMode mode, Trust trust = Trust::kContent) {
    try {
      files_.open_own(at(name), mode, trust);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  const tests::TemporaryDirectory directory_;
  PosixFileSystem files_;
};

constexpr OpenMode kModes[] = {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate, OpenMode::kAppend};

TEST_F(OwnFile, ALinkIsNeitherReadNorWritten) {
  put("victim", "private");
  files_.create_symlink(at("victim"), at("link"));
  files_.create_symlink(at("not_there"), at("dangling"));
  for (const OpenMode mode : kModes) {
    EXPECT_NE(problem("link", mode).find("link is a symbolic link"), std::string::npos);
    EXPECT_NE(problem("dangling", mode).find("dangling is a symbolic link"), std::string::npos);
  }
  EXPECT_EQ(files_.read_all(at("victim")), "private");
  EXPECT_FALSE(files_.exists(at("not_there")));
}

TEST_F(OwnFile, ALinkedDirectoryBeforeItIsFollowed) {
  files_.create_directory(at("scratch"));
  files_.create_symlink(at("scratch"), at("run"));
  files_.open_own(at("run") / "ledger", OpenMode::kAppend)->pwrite("line\n", 5, 0);
  EXPECT_EQ(read_own(files_, at("run") / "ledger"), "line\n");
  EXPECT_TRUE(files_.exists(at("scratch") / "ledger"));
}

TEST_F(OwnFile, WhatIsNoOrdinaryFileIsNamedAndNothingWaits) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  files_.create_directory(at("folder"));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  at("socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(descriptor);
  for (const OpenMode mode : kModes) {
    EXPECT_NE(problem("fifo", mode).find("is a FIFO"), std::string::npos);
    EXPECT_NE(problem("folder", mode).find("is a directory"), std::string::npos);
    EXPECT_NE(problem("socket", mode).find("is a socket"), std::string::npos);
  }
  EXPECT_THROW(files_.open_own("/dev/null", OpenMode::kRead), InputError);
}

TEST_F(OwnFile, MissingIsAnErrorOfTheSystem) {
  try {
    files_.open_own(at("none"), OpenMode::kRead);
    FAIL() << "opened a missing file";
  } catch (const IoError& error) {
    EXPECT_EQ(error.code(), ENOENT);
  }
}

TEST_F(OwnFile, OnlyTheOwnersWordCounts) {
  put("ledger", "");
  EXPECT_EQ(problem("ledger", OpenMode::kRead, Trust::kOwner), "");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files to another user";
  constexpr uid_t kAnother = 54321, kThird = 54322;
  ASSERT_EQ(::chown(at("ledger").c_str(), kAnother, kAnother), 0);
  EXPECT_NE(problem("ledger", OpenMode::kRead, Trust::kOwner).find("belongs to user 54321"), std::string::npos);
  EXPECT_EQ(problem("ledger", OpenMode::kRead), "");
  // Root looks at a user's run: what the directory's owner wrote counts.
  ASSERT_EQ(::chown(directory_.path().c_str(), kAnother, kAnother), 0);
  EXPECT_EQ(problem("ledger", OpenMode::kRead, Trust::kOwner), "");
  ASSERT_EQ(::chown(at("ledger").c_str(), kThird, kThird), 0);
  EXPECT_NE(problem("ledger", OpenMode::kRead, Trust::kOwner), "");
}

TEST_F(OwnFile, NoMoreThanTheLimitIsRead) {
  put("request", "abc");
  EXPECT_EQ(read_own(files_, at("request"), Trust::kContent, 3), "abc");
  EXPECT_THROW(read_own(files_, at("request"), Trust::kContent, 2), InputError);
  ASSERT_EQ(::truncate(at("request").c_str(), off_t{1} << 40), 0);  // more than there is memory
  EXPECT_THROW(read_own(files_, at("request")), InputError);
  EXPECT_THROW(read_ledger(files_, at("request"), Trust::kContent, [](std::string_view) {}), InputError);
}

TEST(Lines, AreBoundedAndATornLastOneIsLeftOut) {
  tests::MemoryFileSystem files;
  const std::string longest(kLongestLine - 1, 'y');
  const std::string text = "one\n\n" + std::string(3 * kLongestLine, 'x') + "\n" + longest + "\ntorn";
  for (const std::string& torn : {std::string(), std::string(2 * kLongestLine, 'z')}) {
    const auto file = files.open("/run/ledger", OpenMode::kCreate);
    file->pwrite((text + torn).data(), text.size() + torn.size(), 0);
    std::vector<std::string> lines;
    const auto end =
        read_ledger(files, "/run/ledger", Trust::kContent, [&](std::string_view line) { lines.emplace_back(line); });
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", longest}));
    EXPECT_EQ(end, text.size() - 4);
  }
}

TEST(Lines, GoOverTheBordersOfTheReads) {
  tests::MemoryFileSystem files;
  std::string text;
  std::vector<std::string> expected, lines;
  for (std::size_t i = 0; i < 300; ++i) {
    expected.emplace_back(i * 7 % 1000, static_cast<char>('a' + i % 26));
    text += expected.back() + '\n';
  }
  files.open("/run/ledger", OpenMode::kCreate)->pwrite(text.data(), text.size(), 0);
  EXPECT_EQ(
      read_ledger(files, "/run/ledger", Trust::kContent, [&](std::string_view line) { lines.emplace_back(line); }),
      text.size());
  EXPECT_EQ(lines, expected);
  EXPECT_EQ(read_ledger(files, "/run/none", Trust::kContent, [](std::string_view) { FAIL(); }), 0u);
}

}  // namespace
}  // namespace trireme::base
