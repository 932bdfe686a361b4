// Averages of checkpoints that several layouts wrote; and ranges of boxes, in any order, whose bytes are verified.
#include "io/checkpoint/tools/average.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/tools/verified_ranges.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using testing::HasSubstr;
using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;

const std::filesystem::path kRun = "/run";
const std::filesystem::path kOut = "/run/average";

/// What sample_tensors() has, and one of several pieces, cut along dim 1 where there is tp.
std::vector<SampleTensor> tensors_of(DataType dtype = DataType::kFloat32) {
  auto tensors = sample_tensors(dtype);
  if (tensors.size() % 2 == 0) tensors.push_back({kAdamM, "small", {5}, dtype});
  tensors.push_back({kParam, "pieces", {300, 1003}, dtype});
  return tensors;
}

/// One of two checksum blocks and several ranges, cut along dim 1 where there is tp.
std::vector<SampleTensor> large_tensors() {
  return {{kParam, "small", {5}, DataType::kFloat32}, {kParam, "large", {2300, 2003}, DataType::kFloat32}};
}

void save(MemoryFileSystem& files, const std::vector<SampleTensor>& tensors, const Layout& layout, std::int64_t step) {
  run_ranks(layout.ranks(), layout.ranks() > 2 ? 2 : 1, [&](Coordinator& coordinator) {
    ASSERT_TRUE(save_sample(coordinator, files, sample_info(kRun, step), tensors, layout).ok);
  });
}

AverageSource open_step(MemoryFileSystem& files, std::int64_t step, double weight) {
  return {open_checkpoint(files, step_directory(kRun, step)), weight};
}

Averaging with_threads(int threads) {
  Averaging averaging;
  averaging.threads = threads;
  return averaging;
}

/// The whole parameter in fp64.
std::vector<double> load_whole(MemoryFileSystem& files, const WholeTensor& tensor) {
  SingleProcess coordinator;
  const auto reader = Reader::open(coordinator, files, kOut);
  std::vector<double> values(static_cast<std::size_t>(topology::elements_of(tensor.shape)), -1);
  LoadOptions options;
  options.part = true;
  const std::vector<WantedBox> wanted = {
      {kParam, tensor.name, tensor.shape, DataType::kFloat64, topology::whole(tensor.shape), values.data()}};
  reader->load(wanted, options);
  return values;
}

/// The sources hold the values of these steps, with these weights.
void expect_mean(MemoryFileSystem& files, const std::vector<SampleTensor>& tensors,
                 const std::vector<std::pair<std::int64_t, double>>& steps, bool narrow) {
  for (const SampleTensor& tensor : tensors) {
    if (tensor.slot != kParam) continue;
    const std::vector<double> found = load_whole(files, {tensor.name, tensor.shape, tensor.dtype});
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      double sum = 0;
      double total = 0;
      for (const auto& [step, weight] : steps) {
        sum += weight * value_of(tensor, static_cast<std::int64_t>(i), step);
        total += weight;
      }
      const double mean = sum / total;
      wrong += found[i] != (narrow ? static_cast<double>(static_cast<float>(mean)) : mean);
    }
    EXPECT_EQ(wrong, 0) << tensor.name;
  }
}

TEST(Average, IsTheWeightedMeanWhateverLayoutsWroteTheSources) {
  MemoryFileSystem files;
  save(files, tensors_of(), {2, 1, 1, false}, 1);
  save(files, tensors_of(), {1, 2, 2, true}, 2);
  save(files, tensors_of(), {5, 1, 1, false}, 3);
  const std::vector<AverageSource> sources = {open_step(files, 1, 1), open_step(files, 2, 0.25),
                                              open_step(files, 3, 3)};
  files.create_directory(kOut);
  std::uint64_t told = 0;
  Averaging averaging;
  averaging.progress = [&](std::uint64_t bytes) {
    told = std::max(told, bytes);
    return true;
  };
  write_average(files, sources, kOut, sources[0].opened.manifest, averaging);
  expect_mean(files, tensors_of(), {{1, 1}, {2, 0.25}, {3, 3}}, true);
  EXPECT_EQ(told, averaged_bytes(sources));
  EXPECT_TRUE(verify(files, kOut, ShardCheck::kBytes, 1).findings.empty());
  const OpenedCheckpoint opened = open_checkpoint(files, kOut);
  EXPECT_TRUE(std::ranges::all_of(opened.table.tensors, [](const auto& tensor) { return tensor.slot == kParam; }));
}

TEST(Average, OfLargeTensorsIsPutTogetherFromPartsOfBlocks) {
  MemoryFileSystem files;
  save(files, large_tensors(), {3, 1, 1, false}, 1);
  save(files, large_tensors(), {}, 2);
  const std::vector<AverageSource> sources = {open_step(files, 1, 1), open_step(files, 2, 2)};
  files.create_directory(kOut);
  write_average(files, sources, kOut, sources[0].opened.manifest, with_threads(2));
  expect_mean(files, large_tensors(), {{1, 1}, {2, 2}}, true);
}

TEST(Average, IsStoredInFp64WhereAnySourceIs) {
  MemoryFileSystem files;
  save(files, tensors_of(), {3, 1, 1, false}, 1);
  save(files, tensors_of(DataType::kFloat64), {1, 1, 1, false}, 2);
  const std::vector<AverageSource> sources = {open_step(files, 1, 1), open_step(files, 2, 2)};
  files.create_directory(kOut);
  write_average(files, sources, kOut, sources[0].opened.manifest, with_threads(3));
  expect_mean(files, tensors_of(), {{1, 1}, {2, 2}}, false);
}

TEST(Average, NamesTheFirstTensorThatDiffers) {
  MemoryFileSystem files;
  auto tensors = sample_tensors();
  save(files, tensors, {}, 1);
  tensors[1].shape = {16, 8};
  save(files, tensors, {}, 2);
  tensors = sample_tensors();
  tensors.push_back({kParam, "surplus", {2}, DataType::kFloat32});
  save(files, tensors, {}, 3);
  const auto said = [&](std::int64_t one, std::int64_t other) -> std::string {
    const std::vector<AverageSource> sources = {open_step(files, one, 1), open_step(files, other, 1)};
    try {
      averaged_tensors(sources);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_THAT(said(1, 2), HasSubstr("layers.0.attention.q.weight is [0:16, 0:16] in the first and [0:16, 0:8]"));
  EXPECT_THAT(said(1, 3), HasSubstr("the first one has no surplus"));
  EXPECT_THAT(said(3, 1), HasSubstr("the second one has no surplus"));
  EXPECT_EQ(said(1, 1), "nothing");
}

TEST(Average, FindsAFlippedByteOfAnySource) {
  MemoryFileSystem files;
  save(files, tensors_of(), {2, 1, 1, false}, 1);
  save(files, tensors_of(), {1, 1, 2, false}, 2);
  std::mt19937_64 random(20);
  for (int round = 0; round < 12; ++round) {
    MemoryFileSystem copy(files);
    const std::vector<AverageSource> sources = {open_step(copy, 1, 1), open_step(copy, 2, 1)};
    const OpenedCheckpoint& opened = sources[random() % 2].opened;
    const TableBox* box = nullptr;
    while (box == nullptr || opened.table.tensors[box->tensor].slot != kParam) {
      box = &opened.table.boxes[random() % opened.table.boxes.size()];
    }
    const std::string shard = (opened.path / opened.manifest.files[box->file].name).string();
    copy.bytes(shard)[box->offset + random() % opened.table.bytes_of(*box)] ^= 1;
    copy.create_directory(kOut);
    try {
      write_average(copy, sources, kOut, opened.manifest, with_threads(2));
      ADD_FAILURE() << describe(opened.table, *box) << " is damaged";
    } catch (const DamagedCheckpoint& damage) {
      EXPECT_EQ(damage.path(), opened.path);
      EXPECT_EQ(damage.subject(), describe(opened.table, *box));
    }
    EXPECT_FALSE(copy.exists(kOut / kManifestName));
  }
}

TEST(Average, EndsWhenItIsTold) {
  MemoryFileSystem files;
  save(files, sample_tensors(), {}, 1);
  const std::vector<AverageSource> sources = {open_step(files, 1, 1), open_step(files, 1, 1)};
  files.create_directory(kOut);
  Averaging averaging;
  averaging.progress = [](std::uint64_t bytes) { return bytes < 1000; };
  EXPECT_THROW(write_average(files, sources, kOut, sources[0].opened.manifest, averaging), base::Stopped);
}

TEST(Average, AFailingCallAnywhereIsAnError) {
  MemoryFileSystem files;
  save(files, sample_tensors(), {2, 1, 1, false}, 1);
  save(files, sample_tensors(), {}, 2);
  for (const int code : {EIO, ENOSPC}) {
    long failures = 0;
    for (long call = 1;; ++call) {
      MemoryFileSystem copy(files);
      const std::vector<AverageSource> sources = {open_step(copy, 1, 1), open_step(copy, 2, 1)};
      copy.create_directory(kOut);
      copy.fail_at(call, code);
      bool failed = false;
      try {
        write_average(copy, sources, kOut, sources[0].opened.manifest, Averaging());
      } catch (const base::Error&) {
        failed = true;
      }
      if (!copy.has_failed()) break;
      EXPECT_TRUE(failed) << "call " << call << " failed unnoticed";
      ++failures;
    }
    EXPECT_GT(failures, 30);
  }
}

/// A box of two checksum blocks.
class RangesOfABox : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    saved_ = std::make_unique<MemoryFileSystem>();
    save(*saved_, large_tensors(), {}, 1);
  }
  static void TearDownTestSuite() { saved_.reset(); }
  RangesOfABox() : files_(*saved_), opened_(open_checkpoint(files_, step_directory(kRun, 1))) {
    shard_ = (opened_.path / opened_.manifest.files[box().file].name).string();
  }
  const TableBox& box() const { return opened_.table.boxes[0]; }
  std::uint64_t length() const { return opened_.table.bytes_of(box()); }
  /// Compares every byte that comes.
  void read(VerifiedRanges& ranges, std::uint64_t begin, std::uint64_t end) {
    std::vector<char> buffer;
    std::uint64_t at = box().offset + begin;
    ranges.read(box(), begin, end, buffer, [&](std::span<const char> bytes) {
      EXPECT_EQ(files_.bytes(shard_).compare(at, bytes.size(), bytes.data(), bytes.size()), 0);
      at += bytes.size();
    });
    EXPECT_EQ(at, box().offset + end);
  }

  static std::unique_ptr<MemoryFileSystem> saved_;
  MemoryFileSystem files_;
  OpenedCheckpoint opened_;
  std::string shard_;
};

std::unique_ptr<MemoryFileSystem> RangesOfABox::saved_;

TEST_F(RangesOfABox, GiveTheStoredBytesInAnyOrder) {
  VerifiedRanges ranges(files_, opened_, 1);
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> cuts = {0, length()};
  for (int i = 0; i < 40; ++i) cuts.push_back(random() % length());
  std::ranges::sort(cuts);
  std::vector<std::size_t> order(cuts.size() - 1);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::shuffle(order, random);
  for (const std::size_t i : order) read(ranges, cuts[i], cuts[i + 1]);
  read(ranges, 0, length());
}

TEST_F(RangesOfABox, DamageIsFoundWithTheLastPieceOfItsBlock) {
  const std::uint64_t middle = kBlockBytes / 2;
  files_.bytes(shard_)[box().offset + middle] ^= 4;
  VerifiedRanges ranges(files_, opened_, 1);
  read(ranges, kBlockBytes, length());  // the other block is good
  read(ranges, middle, kBlockBytes);
  EXPECT_THROW(read(ranges, 0, middle), DamagedCheckpoint);
}

TEST_F(RangesOfABox, BytesThatChangeBetweenTwoReadsAreDamage) {
  VerifiedRanges ranges(files_, opened_, 1);
  read(ranges, 0, length());
  files_.bytes(shard_)[box().offset + 5] ^= 1;
  read(ranges, kBlockBytes, length());
  EXPECT_THROW(read(ranges, 100, 200), DamagedCheckpoint);
}

}  // namespace
}  // namespace trireme::checkpoint::tests
