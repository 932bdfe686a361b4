#include "slurm/submit/spare_order.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {
namespace {

TEST(SpareOrder, ReadsBackTheSizeAndTimeOfOneAttempt) {
  const tests::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "logs");
  base::PosixFileSystem files;
  EXPECT_FALSE(read_spare_order(files, directory.path(), 3));
  write_spare_order(files, directory.path(), 3, Slice{{"low", "", {}, {}}, 4, 1, 600});
  EXPECT_EQ(read_spare_order(files, directory.path(), 3), (Slice{{}, 4, 1, 600}));
  EXPECT_FALSE(read_spare_order(files, directory.path(), 2));
}

TEST(SpareOrder, IsNoneWhenItIsDamagedOrMakesNoSense) {
  const tests::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "logs");
  base::PosixFileSystem files;
  for (const char* text : {"", "{", "[]", "{\"nodes\":4}", "{\"nodes\":\"4; rm\",\"fewest\":1,\"seconds\":600}",
                           "{\"nodes\":1,\"fewest\":2,\"seconds\":600}", "{\"nodes\":2,\"fewest\":0,\"seconds\":600}",
                           "{\"nodes\":2,\"fewest\":1,\"seconds\":5}"}) {
    std::ofstream(spare_order_file(directory.path(), 1)) << text;
    EXPECT_FALSE(read_spare_order(files, directory.path(), 1)) << text;
  }
}

}  // namespace
}  // namespace trireme::slurm
