#include "io/tokens/split_writer.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/io/tokens/dataset_fixture.hpp"
#include "tests/support/forwarding_file_system.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SplitWriterTest : public DatasetTest {
 protected:
  /// `documents` documents: document i is the token i % 1000 and end-of-text, its hash by `hash`.
  SplitResult write(std::uint32_t documents, double fraction, const std::function<std::uint64_t(std::uint32_t)>& hash,
                    bool valid = true) {
    SplitWriter writer(files_, {path("t.h5"), valid ? path("v.h5") : ""}, record(), true, fraction);
    for (std::uint32_t i = 0; i < documents; ++i) {
      writer.begin_document(hash(i));
      writer.append(std::vector<std::uint32_t>{i % 1000}, i % 3 != 0);
      writer.append(std::vector<std::uint32_t>{kEnd}, true);
    }
    auto result = writer.finish();
    TokenDataset::open(files_, path("t.h5")).verify();
    if (valid) TokenDataset::open(files_, path("v.h5")).verify();
    return result;
  }
  static std::uint64_t spread(std::uint32_t i) { return (i + 1) * 0x9E3779B97F4A7C15ULL; }
  static std::uint64_t low(std::uint32_t) { return 0; }
  static std::uint64_t high(std::uint32_t) { return UINT64_MAX; }
};

TEST_F(SplitWriterTest, WritesEverythingToOneSetWithoutValidation) {
  const auto result = write(150, 0, spread, false);
  EXPECT_EQ(result.train.document_count(), 150U);
  EXPECT_FALSE(result.valid.has_value());
}

TEST_F(SplitWriterTest, DividesManyDocumentsByTheirHash) {
  const auto result = write(1000, 0.2, spread);
  EXPECT_NEAR(static_cast<double>(result.valid->document_count()), 200, 40);
  std::vector<std::int64_t> train, valid;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto& set = std::ldexp(static_cast<double>(spread(i)), -64) < 0.2 ? valid : train;
    set.push_back(i % 1000);
    set.push_back(kEnd);
  }
  EXPECT_EQ(tokens_of("t.h5"), train);
  EXPECT_EQ(tokens_of("v.h5"), valid);
  const auto dataset = TokenDataset::open(files_, path("t.h5"));
  std::vector<std::uint8_t> mask(dataset.size());
  dataset.read_mask(0, mask.size(), mask.data());
  for (std::size_t i = 0; i < mask.size(); i += 2) ASSERT_EQ(mask[i], train[i] % 3 != 0) << i;
}

TEST(SpreadBlocks, CoverTheWholeStreamEvenly) {
  for (const std::uint64_t tokens : {2ULL, 3ULL, 10ULL, 1000ULL, 12'345ULL, 100'000ULL, 10'000'000'000ULL}) {
    for (const double fraction : {1e-9, 0.01, 0.05, 0.5, 0.999}) {
      const auto blocks = spread_blocks(tokens, fraction);
      const auto share = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(tokens)));
      std::uint64_t taken = 0, end = 0, longest_gap = 0;
      for (const TokenRange& block : blocks) {
        ASSERT_GE(block.begin, end);
        ASSERT_GT(block.end, block.begin);
        longest_gap = std::max(longest_gap, block.begin - end);
        taken += block.end - block.begin;
        end = block.end;
      }
      ASSERT_LE(end, tokens);
      EXPECT_EQ(taken, std::clamp<std::uint64_t>(share, 1, tokens - 1));
      EXPECT_LE(blocks.size(), kMostBlocks);
      EXPECT_LE(std::max(longest_gap, tokens - end), (tokens - taken) / blocks.size() + blocks.size());
    }
  }
  EXPECT_EQ(spread_blocks(100'000, 0.01).size(), 7U);
  EXPECT_EQ(spread_blocks(1'000'000, 0.05).size(), kMostBlocks);
}

TEST_F(SplitWriterTest, TakesBlocksFromAllOverFewDocuments) {
  const auto result = write(3, 0.4, low);
  ASSERT_EQ(result.valid_blocks.size(), 1U);
  EXPECT_EQ(result.valid_blocks[0].begin, 2U);
  EXPECT_THAT(tokens_of("t.h5"), ElementsAre(0, 0, 2, 0));
  EXPECT_THAT(tokens_of("v.h5"), ElementsAre(1, 0));
  EXPECT_THAT(offsets_of("t.h5"), ElementsAre(0, 2));
  EXPECT_THAT(offsets_of("v.h5"), ElementsAre(0));
  write(99, 0.0001, low);
  EXPECT_EQ(tokens_of("v.h5").size(), 1U);
}

TEST_F(SplitWriterTest, BlocksKeepTokensMasksAndDocumentsOfOneLongText) {
  SplitWriter writer(files_, {path("t.h5"), path("v.h5")}, record(60'000), true, 0.1);
  std::vector<std::uint32_t> tokens(20'000);
  std::iota(tokens.begin(), tokens.end(), 1U);
  writer.begin_document(0);
  for (const std::uint32_t token : tokens) writer.append(std::span(&token, 1), token % 3 != 0);
  const auto result = writer.finish();
  ASSERT_EQ(result.valid_blocks.size(), 15U);
  const auto train = tokens_of("t.h5"), valid = tokens_of("v.h5");
  EXPECT_EQ(valid.size(), 2'000U);
  std::vector<std::int64_t> all = train;
  all.insert(all.end(), valid.begin(), valid.end());
  std::sort(all.begin(), all.end());
  EXPECT_TRUE(std::equal(all.begin(), all.end(), tokens.begin(), tokens.end()));
  EXPECT_EQ(valid.front(), static_cast<std::int64_t>(result.valid_blocks.front().begin) + 1);
  for (const char* name : {"t.h5", "v.h5"}) {
    const auto dataset = TokenDataset::open(files_, path(name));
    dataset.verify();
    const auto ids = tokens_of(name);
    std::vector<std::uint8_t> mask(ids.size());
    dataset.read_mask(0, mask.size(), mask.data());
    const auto offsets = offsets_of(name);
    std::size_t document = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(mask[i], ids[i] % 3 != 0) << i;
      // A document begins exactly where the text does not go on.
      const bool begins = i == 0 || ids[i] != ids[i - 1] + 1;
      ASSERT_EQ(begins, document < offsets.size() && offsets[document] == i) << i;
      document += begins ? 1 : 0;
    }
  }
}

TEST_F(SplitWriterTest, NeitherSideIsEverEmpty) {
  for (const auto& hash : {low, high}) {
    const auto result = write(300, 0.1, hash);
    EXPECT_EQ(result.train.token_count(), 540U);
    EXPECT_EQ(result.valid->token_count(), 60U);
    EXPECT_EQ(result.valid_blocks.size(), 1U);
  }
  EXPECT_TRUE(write(1000, 0.2, spread).valid_blocks.empty());
}

TEST_F(SplitWriterTest, RefusesNothingAndTooLittle) {
  EXPECT_THAT(refusal([&] { write(0, 0.1, low); }), HasSubstr("hold no text"));
  EXPECT_THAT(refusal([&] { write(0, 0, low, false); }), HasSubstr("hold no text"));
  SplitWriter writer(files_, {path("t.h5"), path("v.h5")}, record(), false, 0.5);
  writer.begin_document(1);
  writer.append(std::vector<std::uint32_t>{kEnd}, true);
  EXPECT_THAT(refusal([&] { writer.finish(); }), HasSubstr("too little text"));
  EXPECT_FALSE(files_.exists(path("t.h5")));
}

/// A disk that is full after `room` bytes.
class FullDisk final : public trireme::tests::ForwardingFileSystem {
 public:
  explicit FullDisk(std::uint64_t room) : room_(room) {}

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    return std::make_unique<FullFile>(ForwardingFileSystem::open(path, mode), room_);
  }

 private:
  class FullFile final : public trireme::tests::ForwardingFile {
   public:
    FullFile(std::unique_ptr<base::File> file, std::uint64_t& room) : ForwardingFile(std::move(file)), room_(room) {}
    void pwrite(const void* data, std::size_t length, std::uint64_t at) override {
      if (length > room_) throw base::IoError("cannot write: No space left on device", ENOSPC);
      room_ -= length;
      ForwardingFile::pwrite(data, length, at);
    }

   private:
    std::uint64_t& room_;
  };

  std::uint64_t room_;
};

TEST_F(SplitWriterTest, AFullDiskLeavesNothingBehindWhereverItStrikes) {
  bool fitted = false;
  for (std::uint64_t room = 0; !fitted; room += 500) {
    FullDisk disk(room);
    try {
      SplitWriter writer(disk, {path("t.h5"), path("v.h5")}, record(), true, 0.5);
      for (std::uint32_t i = 0; i < 500; ++i) {
        writer.begin_document(spread(i));
        writer.append(std::vector<std::uint32_t>{i, kEnd}, true);
      }
      writer.finish();
      fitted = true;
    } catch (const base::IoError&) {
      for (const auto& name : files_.list(directory_.path())) EXPECT_EQ(name, "v.h5");
    }
  }
  EXPECT_THAT(files_.list(directory_.path()), ElementsAre("t.h5", "v.h5"));
}

}  // namespace
}  // namespace trireme::tokens
