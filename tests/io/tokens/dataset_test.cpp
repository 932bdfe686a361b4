#include <gmock/gmock.h>

#include <random>

#include "tests/io/tokens/dataset_fixture.hpp"
#include "tests/support/random.hpp"

namespace trireme::tokens {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(DatasetTest, ReadsBackWhatWasWritten) {
  {
    DatasetWriter writer(files_, path("d.h5"), record(), true);
    add(writer, {5, 6, 7}, false);
    add(writer, {8});
    writer.finish(path("d.h5"));
  }
  const auto dataset = TokenDataset::open(files_, path("d.h5"));
  EXPECT_EQ(dataset.size(), 6U);
  EXPECT_EQ(dataset.documents(), 2U);
  EXPECT_EQ(dataset.vocabulary(), 1000U);
  EXPECT_EQ(dataset.tokenizer_json(), record().json);
  EXPECT_TRUE(dataset.has_loss_mask());
  std::vector<std::int64_t> tokens(5);
  std::vector<std::uint8_t> mask(5);
  dataset.read(1, 5, tokens.data(), mask.data());
  EXPECT_THAT(tokens, ElementsAre(6, 7, 0, 8, 0));
  EXPECT_THAT(mask, ElementsAre(0, 0, 1, 1, 1));
  EXPECT_THAT(offsets_of("d.h5"), ElementsAre(0, 4));
  dataset.verify();
  EXPECT_THROW(dataset.read(3, 4, tokens.data(), nullptr), base::Error);
  EXPECT_THAT(files_.list(directory_.path()), ElementsAre("d.h5"));
}

TEST_F(DatasetTest, WideVocabulariesTakeFourBytes) {
  for (const std::uint64_t vocabulary : {65536, 65537}) {
    DatasetWriter writer(files_, path("d.h5"), record(vocabulary), false);
    add(writer, {static_cast<std::uint32_t>(vocabulary - 1)});
    EXPECT_EQ(writer.finish(path("d.h5")).token_bytes, vocabulary == 65536 ? 2U : 4U);
    EXPECT_THAT(tokens_of("d.h5"), ElementsAre(static_cast<std::int64_t>(vocabulary - 1), 0));
  }
}

TEST_F(DatasetTest, LargeDatasetsStreamToTheirPlace) {
  const auto name = make_counting("d.h5", 3'000'000, 131072);
  const auto tokens = tokens_of("d.h5");
  ASSERT_EQ(tokens.size(), 3'000'000U);
  for (std::size_t i = 0; i < tokens.size(); ++i) ASSERT_EQ(tokens[i], static_cast<std::int64_t>((i + 1) % 131072));
  TokenDataset::open(files_, name).verify();
}

TEST_F(DatasetTest, FingerprintDependsOnContentAlone) {
  const auto fingerprint = [&](const std::string& name) {
    return TokenDataset::open(files_, path(name)).fingerprint();
  };
  make_counting("a.h5", 100);
  make_counting("b.h5", 100);
  make_counting("c.h5", 101);
  make_counting("d.h5", 100, 60001);
  make_counting("e.h5", 100, 60000, "{ }");
  EXPECT_EQ(fingerprint("a.h5"), fingerprint("b.h5"));
  EXPECT_NE(fingerprint("a.h5"), fingerprint("c.h5"));
  EXPECT_NE(fingerprint("a.h5"), fingerprint("d.h5"));
  EXPECT_NE(fingerprint("a.h5"), fingerprint("e.h5"));
}

TEST_F(DatasetTest, MovesTheTail) {
  DatasetWriter train(files_, path("t.h5"), record(), true);
  DatasetWriter valid(files_, path("v.h5"), record(), true);
  add(train, {1, 2, 3});
  add(train, {4, 5}, false);
  add(train, {6});
  train.move_ranges({{5, 9}}, valid);
  train.finish(path("t.h5"));
  valid.finish(path("v.h5"));
  EXPECT_THAT(tokens_of("t.h5"), ElementsAre(1, 2, 3, 0, 4));
  EXPECT_THAT(offsets_of("t.h5"), ElementsAre(0, 4));
  EXPECT_THAT(tokens_of("v.h5"), ElementsAre(5, 0, 6, 0));
  EXPECT_THAT(offsets_of("v.h5"), ElementsAre(0, 2));
  TokenDataset::open(files_, path("t.h5")).verify();
  const auto dataset = TokenDataset::open(files_, path("v.h5"));
  dataset.verify();
  std::vector<std::uint8_t> mask(4);
  dataset.read_mask(0, 4, mask.data());
  EXPECT_THAT(mask, ElementsAre(0, 1, 1, 1));
}

TEST_F(DatasetTest, MovesDocuments) {
  DatasetWriter train(files_, path("t.h5"), record(), true);
  DatasetWriter valid(files_, path("v.h5"), record(), true);
  add(train, {1, 2, 3});
  add(train, {4, 5}, false);
  add(train, {6});
  add(train, {7, 8});
  train.move_ranges({{0, 4}, {7, 9}}, valid);
  add(train, {9});
  train.finish(path("t.h5"));
  valid.finish(path("v.h5"));
  EXPECT_THAT(tokens_of("t.h5"), ElementsAre(4, 5, 0, 7, 8, 0, 9, 0));
  EXPECT_THAT(offsets_of("t.h5"), ElementsAre(0, 3, 6));
  EXPECT_THAT(tokens_of("v.h5"), ElementsAre(1, 2, 3, 0, 6, 0));
  EXPECT_THAT(offsets_of("v.h5"), ElementsAre(0, 4));
  TokenDataset::open(files_, path("t.h5")).verify();
  TokenDataset::open(files_, path("v.h5")).verify();
}

TEST_F(DatasetTest, AnUnfinishedWriterLeavesNothingBehind) {
  {
    DatasetWriter writer(files_, path("d.h5"), record(), true);
    add(writer, {1, 2});
  }
  EXPECT_THAT(files_.list(directory_.path()), ElementsAre());
  EXPECT_THAT(refusal([&] { DatasetWriter(files_, path("none/d.h5"), record(), false); }),
              HasSubstr("does not exist: make it first"));
}

TEST_F(DatasetTest, NamesATokenOutsideTheVocabulary) {
  const auto name = make_counting("d.h5", 100, 200);
  const auto tokens = TokenDataset::open(files_, name).header().tokens.offset;
  const std::uint16_t bad = 777;
  files_.open(name, base::OpenMode::kReadWrite)->pwrite(&bad, 2, tokens + 2 * 42);
  const auto dataset = TokenDataset::open(files_, name);
  std::vector<std::int64_t> out(20);
  dataset.read(0, 20, out.data(), nullptr);
  EXPECT_THAT(refusal([&] { dataset.read(30, 20, out.data(), nullptr); }), HasSubstr("d.h5: token 42 is 777"));
  EXPECT_THAT(refusal([&] { dataset.verify(); }), HasSubstr("/tokens is damaged"));
}

TEST_F(DatasetTest, RefusesShortSequencesAndForeignFiles) {
  const auto name = make_counting("d.h5", 100);
  const auto dataset = TokenDataset::open(files_, name);
  EXPECT_EQ(dataset.samples(99), 1U);
  EXPECT_EQ(dataset.samples(33), 3U);
  EXPECT_THAT(refusal([&] { (void)dataset.samples(100); }),
              HasSubstr("holds 100 tokens, too few for one sample of sequence = 100"));
  files_.replace(path("text"), "some text, not a dataset, but long enough to be read as a header");
  files_.replace(path("empty"), "");
  files_.replace(path("plain.h5"), std::string("\x89HDF\r\n\x1a\n", 8) + std::string(600, '\0'));
  const auto opening = [&](const std::string& file) {
    return refusal([&] { TokenDataset::open(files_, path(file)); });
  };
  EXPECT_THAT(opening("text"), HasSubstr("not a token dataset"));
  EXPECT_THAT(opening("empty"), HasSubstr("not a token dataset"));
  EXPECT_THAT(opening("plain.h5"), HasSubstr("HDF5 file but no token dataset"));
  EXPECT_THAT(opening("none"), HasSubstr("does not exist"));
  EXPECT_THAT(opening("."), HasSubstr("is a directory"));
}

class DamageTest : public DatasetTest {
 protected:
  void SetUp() override {
    DatasetWriter writer(files_, path("good.h5"), record(), true);
    std::vector<std::uint32_t> tokens(5000);
    std::iota(tokens.begin(), tokens.end(), 1U);
    for (auto& token : tokens) token %= 1000;
    for (int i = 0; i < 3; ++i) add(writer, tokens, i == 1);
    writer.finish(path("good.h5"));
    good_ = files_.read_all(path("good.h5"));
  }
  /// Opens and verifies a file of these bytes: the sentence, or "accepted".
  std::string judge(const std::string& bytes) {
    files_.open(path("bad.h5"), base::OpenMode::kCreate)->pwrite(bytes.data(), bytes.size(), 0);
    return refusal([&] { TokenDataset::open(files_, path("bad.h5")).verify(); });
  }
  std::string good_;
};

TEST_F(DamageTest, EveryTruncationIsRefusedOnOpening) {
  ASSERT_EQ(judge(good_), "accepted");
  for (std::size_t length = 0; length < good_.size(); length += length < 600 ? 1 : 997) {
    files_.open(path("cut.h5"), base::OpenMode::kCreate)->pwrite(good_.data(), length, 0);
    EXPECT_THAT(
        refusal([&] { TokenDataset::open(files_, path("cut.h5")); }),
        AnyOf(HasSubstr("not a token dataset"), HasSubstr("cut off after"), HasSubstr("bytes long but should be")))
        << length;
  }
  EXPECT_THAT(judge(good_ + "x"), HasSubstr("bytes long but should be"));
}

TEST_F(DamageTest, EveryHeaderByteIsGuarded) {
  for (std::size_t at = 0; at < kHeaderBytes; ++at) {
    std::string bytes = good_;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_THAT(judge(bytes), AnyOf(HasSubstr("not a token dataset"), HasSubstr("damaged header"))) << at;
  }
}

TEST_F(DamageTest, VerifyNamesThePartOfAnyFlippedByte) {
  const auto header = TokenDataset::open(files_, path("good.h5")).header();
  const auto inside = [](const Section& section, std::size_t at) {
    return at >= section.offset && at < section.offset + section.bytes;
  };
  for (std::size_t at = kHeaderBytes; at < good_.size(); at += at < 6000 ? 13 : 331) {
    std::string bytes = good_;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    const char* expected = inside(header.tokens, at)             ? "/tokens is damaged"
                           : inside(header.document_offsets, at) ? "/document_offsets is damaged"
                           : inside(header.tokenizer, at)        ? "tokenizer stored in it is damaged"
                           : inside(header.loss_mask, at)        ? "/loss_mask is damaged"
                                                                 : "HDF5 metadata is damaged";
    EXPECT_THAT(judge(bytes), HasSubstr(expected)) << at;
  }
}

TEST_F(DamageTest, AHeaderWithARightChecksumMustStillMakeSense) {
  const auto good = TokenDataset::open(files_, path("good.h5")).header();
  auto random = trireme::tests::seeded_random<std::mt19937_64>(1);
  for (int i = 0; i < 300; ++i) {
    auto header = good;
    std::uint64_t* fields[] = {&header.file_bytes,
                               &header.vocabulary,
                               &header.tokens.offset,
                               &header.tokens.bytes,
                               &header.document_offsets.offset,
                               &header.document_offsets.bytes,
                               &header.tokenizer.offset,
                               &header.tokenizer.bytes,
                               &header.loss_mask.offset,
                               &header.loss_mask.bytes};
    *fields[random() % 10] = i % 2 == 0 ? random() : random() % 100000;
    header.fingerprint = fingerprint_of(header);
    const auto encoded = encode_header(header);
    std::string bytes = good_;
    std::copy_n(reinterpret_cast<const char*>(encoded.data()), encoded.size(), bytes.begin());
    const auto sentence = judge(bytes);  // never a crash, an endless loop or a huge allocation
    if (header.vocabulary == good.vocabulary) {
      EXPECT_NE(sentence, "accepted");
    }
  }
}

}  // namespace
}  // namespace trireme::tokens
