// Large boxes go past the page cache where the file system takes that, and arrive all the same where it does not.
#include <gtest/gtest.h>

#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;
using Direct = MemoryFileSystem::Direct;

const std::filesystem::path kRun = "/run";
const std::string kShard = "/run/checkpoints/step_1/node_0/shard_0.h5";

/// Two boxes of several chunks and a ragged end, and one that is too short for direct I/O.
std::vector<SampleTensor> large_tensors() {
  return {{kParam, "a", {1301, 1000}, DataType::kFloat32},
          {kParam, "b", {333, 801}, DataType::kFloat32},
          {kParam, "c", {9}, DataType::kFloat32}};
}

SaveResult save(MemoryFileSystem& files, const std::vector<SampleTensor>& tensors, std::int64_t step) {
  SingleProcess coordinator;
  return save_sample(coordinator, files, sample_info(kRun, step), tensors, {});
}

std::int64_t wrong_after_load(MemoryFileSystem& files, const std::vector<SampleTensor>& tensors, std::int64_t step) {
  SingleProcess coordinator;
  const auto reader = Reader::open(coordinator, files, step_directory(kRun, step));
  return load_sample(*reader, coordinator, tensors, {}, DataType::kFloat32, step);
}

TEST(DirectIo, GivesTheSameFilesAsThePageCache) {
  std::string expected;
  for (const Direct direct : {Direct::kTaken, Direct::kRefusedAtOpen, Direct::kRefusedAtUse}) {
    MemoryFileSystem files;
    files.set_direct(direct);
    const SaveResult saved = save(files, large_tensors(), 1);
    ASSERT_TRUE(saved.ok) << saved.error;
    EXPECT_EQ(!files.direct_writes().empty(), direct == Direct::kTaken);
    EXPECT_EQ(wrong_after_load(files, large_tensors(), 1), 0);
    EXPECT_TRUE(verify(files, saved.path, ShardCheck::kBytes, 1).findings.empty());
    if (expected.empty()) expected = files.bytes(kShard);
    EXPECT_EQ(files.bytes(kShard), expected);
  }
}

TEST(DirectIo, NoRequestCrossesAStripeOfFourMebibytes) {
  constexpr std::uint64_t kStripe = 4 << 20;
  MemoryFileSystem files;
  // 12 MB each, packed one after the other at multiples of 1 MiB
  const std::vector<SampleTensor> tensors = {{kParam, "a", {3001, 1000}, DataType::kFloat32},
                                             {kParam, "b", {3002, 1000}, DataType::kFloat32}};
  ASSERT_TRUE(save(files, tensors, 1).ok);
  std::uint64_t all = 0, whole = 0;
  for (const auto& [offset, length] : files.direct_writes()) {
    EXPECT_EQ(offset / kStripe, (offset + length - 1) / kStripe) << length << " bytes at " << offset;
    all += length;
    whole += length == kStripe ? 1 : 0;
  }
  EXPECT_GT(all, 24'000'000U - 4 * base::kDirectAlignment);
  EXPECT_GE(whole, 3U);
  EXPECT_EQ(wrong_after_load(files, tensors, 1), 0);
}

TEST(DirectIo, AFailingCallIsNoticedWhereverItFalls) {
  const std::vector<SampleTensor> tensors = {{kParam, "a", {263, 1000}, DataType::kFloat32},
                                             {kAdamM, "a", {263, 1000}, DataType::kFloat32}};
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    ASSERT_TRUE(save(files, tensors, 1).ok);
    files.fail_at(n, ENOSPC);
    const SaveResult result = save(files, tensors, 2);
    const bool failed = files.has_failed();
    files.restart(MemoryFileSystem::AfterCrash::kKeepAll);
    EXPECT_EQ(wrong_after_load(files, tensors, 1), 0) << "call " << n;
    if (result.ok) {
      EXPECT_EQ(wrong_after_load(files, tensors, 2), 0) << "call " << n;
    }
    if (!failed) {
      EXPECT_GT(n, 20);
      break;
    }
    EXPECT_TRUE(!result.ok || !result.warning.empty()) << "call " << n << " failed unnoticed";
  }
}

TEST(Metadata, IsReadWhateverTheFileSystemTellsOfHoles) {
  MemoryFileSystem files;
  const SaveResult saved = save(files, large_tensors(), 1);
  ASSERT_TRUE(saved.ok) << saved.error;
  files.deny_writes();
  EXPECT_EQ(wrong_after_load(files, large_tensors(), 1), 0);
  EXPECT_TRUE(verify(files, saved.path, ShardCheck::kBytes, 1).findings.empty());
  files.bytes(kShard)[8] ^= 1;  // the superblock's version
  EXPECT_THROW(wrong_after_load(files, large_tensors(), 1), DamagedCheckpoint);
  EXPECT_EQ(verify(files, saved.path, ShardCheck::kBytes, 1).findings.size(), 1U);
}

TEST(DirectIo, ADamagedLargeBlockIsFoundWhenLoading) {
  MemoryFileSystem files;
  ASSERT_TRUE(save(files, large_tensors(), 1).ok);
  std::string& bytes = files.bytes(kShard);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  EXPECT_THROW(wrong_after_load(files, large_tensors(), 1), DamagedCheckpoint);
}

}  // namespace
}  // namespace trireme::checkpoint::tests
