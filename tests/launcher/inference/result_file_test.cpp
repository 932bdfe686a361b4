#include "launcher/inference/result_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class ResultFileTest : public testing::Test {
 protected:
  std::string place() const { return (directory_.path() / "out.jsonl").string(); }
  std::size_t entries() { return files_.list(directory_.path()).size(); }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  base::SignalThread signals_;
};

TEST_F(ResultFileTest, AppearsWhenItIsFinished) {
  ResultFile file(files_, signals_, place(), base::Overwrite::kRefused);
  const std::string lengthy(3'000'000, 'x');
  file.write("one");
  file.write(lengthy);
  EXPECT_FALSE(files_.exists(place()));
  file.finish();
  EXPECT_EQ(files_.read_all(place()), "one\n" + lengthy + "\n");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(ResultFileTest, LeavesNothingUnlessItIsFinished) {
  { ResultFile file(files_, signals_, place(), base::Overwrite::kRefused); }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(ResultFileTest, ReplacesDataOnlyWhenForced) {
  files_.replace(place(), "old");
  EXPECT_THROW(ResultFile(files_, signals_, place(), base::Overwrite::kRefused), base::InputError);
  ResultFile file(files_, signals_, place(), base::Overwrite::kForced);
  EXPECT_EQ(files_.read_all(place()), "old");
  file.finish();
  EXPECT_EQ(files_.read_all(place()), "");
}

}  // namespace
}  // namespace trireme::launcher
