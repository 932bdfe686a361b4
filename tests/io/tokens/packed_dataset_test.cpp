#include <gmock/gmock.h>

#include <random>

#include "io/tokens/data_source.hpp"
#include "io/tokens/packed_writer.hpp"
#include "tests/io/tokens/dataset_fixture.hpp"
#include "tests/support/random.hpp"

namespace trireme::tokens {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::uint32_t>;
using Roles = std::vector<std::uint8_t>;

class PackedDatasetTest : public DatasetTest {
 protected:
  /// Two samples of 8 tokens: documents {1 2 3 | 4 5}, then {6 7 8 9}.
  std::string make_two(const std::string& name = "d.h5") {
    auto writer = DatasetWriter::packed(files_, path(name), record(), 8);
    writer.begin_sample();
    add_document(writer, {1, 2, 3}, {0, 1, 1});
    add_document(writer, {4, 5}, {2, 2});  // its first token is nobody's target, whatever its role
    writer.begin_sample();
    add_document(writer, {6, 7, 8, 9}, {0, 1, 0, 2});
    writer.finish(path(name));
    return path(name);
  }
  static void add_document(DatasetWriter& writer, const Ids& ids, const Roles& roles) {
    writer.begin_document();
    writer.append(ids, std::span<const std::uint8_t>(roles));
  }
  DataSource source(const std::vector<std::string>& names, std::int64_t sequence = 8,
                    Reading reading = Reading::kInOrder) {
    std::vector<DatasetChoice> choices;
    for (const std::string& name : names) choices.push_back({path(name), 0});
    return {files_, "data.valid", choices, sequence, 1, reading};
  }
  std::vector<std::uint64_t> samples_of(const std::string& name) {
    const auto dataset = TokenDataset::open(files_, path(name));
    std::vector<std::uint64_t> lengths;
    for (std::uint64_t i = 0; i < dataset.header().sample_count(); ++i) {
      const auto documents = dataset.documents_of(i);
      lengths.push_back(documents.back() - documents.front());
    }
    return lengths;
  }
};

TEST_F(PackedDatasetTest, ReadsSamplesWithTargetsWithinDocumentsOnly) {
  make_two();
  const auto dataset = TokenDataset::open(files_, path("d.h5"));
  dataset.verify();
  EXPECT_TRUE(dataset.packed());
  EXPECT_EQ(dataset.samples(8), 2U);
  const DataSource data = source({"d.h5"});
  const Batch batch = data.read(std::vector<std::uint64_t>{0, 1});
  EXPECT_THAT(batch.tokens, ElementsAre(1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 0, 0, 0, 0));
  EXPECT_THAT(batch.targets, ElementsAre(2, 3, -1, 5, -1, -1, -1, -1, 7, -1, 9, -1, -1, -1, -1, -1));
  EXPECT_THAT(batch.starts, ElementsAre(0, 0, 0, 3, 3, 5, 5, 5, 0, 0, 0, 0, 4, 4, 4, 4));
  EXPECT_EQ(data.targets(std::vector<std::uint64_t>{0}), 3U);
  EXPECT_EQ(data.targets(std::vector<std::uint64_t>{0, 1}), 5U);
}

TEST_F(PackedDatasetTest, LearnsTheLastTurnsAlone) {
  make_two();
  DataSource data = source({"d.h5"});
  data.learn_last_turns();
  const Batch batch = data.read(std::vector<std::uint64_t>{0, 1});
  EXPECT_THAT(batch.targets, ElementsAre(-1, -1, -1, 5, -1, -1, -1, -1, -1, -1, 9, -1, -1, -1, -1, -1));
  EXPECT_EQ(data.targets(std::vector<std::uint64_t>{0, 1}), 2U);
  make_counting("stream.h5", 100, 1000, record().json);
  DataSource both = source({"d.h5", "stream.h5"}, 8, Reading::kShuffled);
  EXPECT_THAT(refusal([&] { both.learn_last_turns(); }), AllOf(HasSubstr("stream.h5"), HasSubstr("prepare --chat")));
  DataSource validation = source({"d.h5", "stream.h5"});
  validation.learn_last_turns();
  EXPECT_EQ(validation.targets(std::vector<std::uint64_t>{0, 2}), 1U + 8U) << "all of a stream counts as before";
}

TEST_F(PackedDatasetTest, IsReadBesideAStream) {
  make_two();
  make_counting("stream.h5", 9, 1000, record().json);
  const DataSource data = source({"d.h5", "stream.h5"});
  const Batch batch = data.read(std::vector<std::uint64_t>{1, 2});
  EXPECT_THAT(batch.starts, ElementsAre(0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(data.targets(std::vector<std::uint64_t>{1, 2}), 2U + 8U);
  EXPECT_TRUE(source({"stream.h5"}).read(std::vector<std::uint64_t>{0}).starts.empty());
}

TEST_F(PackedDatasetTest, RefusesAnotherSequenceByBothNumbersAndTheCommand) {
  make_two();
  EXPECT_THAT(refusal([&] { source({"d.h5"}, 16); }),
              AllOf(HasSubstr("samples of 8 tokens"), HasSubstr("samples of 16"),
                    HasSubstr("trireme prepare --chat --sequence 16")));
}

TEST_F(PackedDatasetTest, FingerprintTellsSamplesApart) {
  make_two("a.h5");
  make_two("b.h5");
  {
    auto writer = DatasetWriter::packed(files_, path("c.h5"), record(), 9);
    writer.begin_sample();
    add_document(writer, {1, 2, 3}, {0, 1, 1});
    add_document(writer, {4, 5}, {0, 2});
    add_document(writer, {6, 7, 8, 9}, {0, 1, 0, 2});
    writer.finish(path("c.h5"));
  }
  const auto fingerprint = [&](const std::string& name) {
    return TokenDataset::open(files_, path(name)).fingerprint();
  };
  EXPECT_EQ(fingerprint("a.h5"), fingerprint("b.h5"));
  EXPECT_NE(fingerprint("a.h5"), fingerprint("c.h5"));
}

TEST_F(PackedDatasetTest, WriterCutsPacksAndCounts) {
  {
    PackedWriter writer(files_, {path("p.h5"), ""}, record(), {.sequence = 6});
    writer.add(Ids{1, 2, 3, 4}, Roles{0, 0, 2, 2}, 1);
    writer.add(Ids{5, 5, 5, 5, 5, 5, 5, 5}, Roles{0, 0, 0, 0, 0, 2, 2, 2}, 2);  // cut
    writer.add(Ids{7, 7, 7, 7, 7, 7, 7}, Roles{0, 0, 0, 0, 0, 0, 2}, 3);        // cut, and nothing is left to learn
    writer.add(Ids{8, 9}, Roles{0, 2}, 4);
    writer.finish();
    EXPECT_EQ(writer.counts().last_lost, 0U);
    EXPECT_EQ(writer.counts().cut, 2U);
    EXPECT_EQ(writer.counts().tokens_cut, 3U);
    EXPECT_EQ(writer.counts().left_out, 1U);
  }
  EXPECT_THAT(tokens_of("p.h5"), ElementsAre(1, 2, 3, 4, 8, 9, 5, 5, 5, 5, 5, 5));
  EXPECT_THAT(samples_of("p.h5"), ElementsAre(6, 6));
  TokenDataset::open(files_, path("p.h5")).verify();
  EXPECT_THAT(files_.list(directory_.path()), ElementsAre("p.h5"));
}

TEST_F(PackedDatasetTest, WriterCountsDocumentsThatLostTheirLastResponse) {
  PackedWriter writer(files_, {path("p.h5"), ""}, record(), {.sequence = 4});
  writer.add(Ids{1, 1, 1, 1, 1}, Roles{0, 1, 0, 2, 2}, 1);        // some of it is left
  writer.add(Ids{2, 2, 2, 2, 2}, Roles{0, 1, 1, 0, 2}, 2);        // lost
  writer.add(Ids{3, 3, 3, 3, 3, 3}, Roles{0, 0, 0, 1, 0, 0}, 3);  // lost, whatever is known behind the cut
  writer.add(Ids{4, 4, 4, 4, 4}, Roles{0, 0, 0, 0, 2}, 4);        // left out altogether
  writer.add(Ids{5, 5, 5}, Roles{0, 1, 1}, 5);                    // not cut
  writer.finish();
  EXPECT_EQ(writer.counts().last_lost, 2U);
  EXPECT_EQ(writer.counts().cut, 4U);
  EXPECT_EQ(writer.counts().left_out, 1U);
}

TEST_F(PackedDatasetTest, WriterWithoutPackingGivesEachDocumentASample) {
  PackedWriter writer(files_, {path("p.h5"), ""}, record(), {.sequence = 6, .packing = false});
  for (std::uint32_t i = 1; i <= 3; ++i) writer.add(Ids{i, i}, Roles{0, 2}, i);
  writer.finish();
  EXPECT_THAT(tokens_of("p.h5"), ElementsAre(1, 1, 2, 2, 3, 3));
  EXPECT_THAT(samples_of("p.h5"), ElementsAre(2, 2, 2));
}

TEST_F(PackedDatasetTest, ValidationTakesWholeDocumentsByTheirHash) {
  const auto divide = [&](const std::vector<std::uint64_t>& hashes, double fraction) {
    PackedWriter writer(files_, {path("t.h5"), path("v.h5")}, record(),
                        {.sequence = 6, .packing = false, .valid_fraction = fraction});
    for (std::uint32_t i = 0; i < hashes.size(); ++i) writer.add(Ids{i, i}, Roles{0, 2}, hashes[i]);
    writer.finish();
  };
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  divide({kHalf + 5, 3, kHalf + 9, 7}, 0.4);
  EXPECT_THAT(tokens_of("t.h5"), ElementsAre(0, 0, 2, 2));
  EXPECT_THAT(tokens_of("v.h5"), ElementsAre(1, 1, 3, 3));
  divide({kHalf + 5, kHalf + 3, kHalf + 9}, 0.1);  // none is low enough
  EXPECT_THAT(tokens_of("v.h5"), ElementsAre(1, 1));
  divide({5, 3, 9}, 0.9);  // all are
  EXPECT_THAT(tokens_of("t.h5"), ElementsAre(2, 2));
  EXPECT_THAT(refusal([&] { divide({5}, 0.5); }), HasSubstr("too few for two datasets"));
  EXPECT_THAT(refusal([&] { divide({}, 0.5); }), HasSubstr("no conversation"));
}

TEST_F(PackedDatasetTest, DamagedOffsetsOfSamplesAreNamed) {
  const std::string name = make_two();
  const auto header = TokenDataset::open(files_, name).header();
  const auto write = [&](const Section& section, std::uint64_t entry, std::uint64_t value) {
    files_.open(name, base::OpenMode::kReadWrite)->pwrite(&value, 8, section.offset + 8 * entry);
  };
  auto random = trireme::tests::seeded_random<std::mt19937_64>(2);
  for (int i = 0; i < 300; ++i) {
    const bool of_samples = i % 2 == 0;
    const Section& section = of_samples ? header.sample_offsets : header.document_offsets;
    const std::uint64_t entry = random() % (section.bytes / 8);
    const std::uint64_t good =
        of_samples ? std::vector<std::uint64_t>{0, 2}[entry] : std::vector<std::uint64_t>{0, 3, 5}[entry];
    write(section, entry, i % 3 == 0 ? random() : random() % 12);
    const auto dataset = TokenDataset::open(files_, name);
    for (std::uint64_t sample = 0; sample < 2; ++sample) {
      try {
        const auto documents = dataset.documents_of(sample);  // never a crash or a huge allocation
        EXPECT_LE(documents.back() - documents.front(), 8U);
        EXPECT_LE(documents.back(), dataset.size());
      } catch (const base::InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("make no sense"));
      }
    }
    write(section, entry, good);
  }
  TokenDataset::open(files_, name).verify();
}

TEST_F(PackedDatasetTest, TokensBeforeTheFirstDocumentOrSampleAreDamage) {
  const std::string name = make_two();
  const auto header = TokenDataset::open(files_, name).header();
  const auto first_documents = [&](const Section& section, std::uint64_t first) {
    files_.open(name, base::OpenMode::kReadWrite)->pwrite(&first, 8, section.offset);
    std::string said = refusal([&] { TokenDataset::open(files_, name).documents_of(0); });
    const std::uint64_t good = 0;
    files_.open(name, base::OpenMode::kReadWrite)->pwrite(&good, 8, section.offset);
    return said;
  };
  EXPECT_EQ(first_documents(header.sample_offsets, 0), "accepted");
  EXPECT_THAT(first_documents(header.sample_offsets, 1), HasSubstr("sample 0 make no sense"));
  EXPECT_THAT(first_documents(header.document_offsets, 1), HasSubstr("sample 0 make no sense"));
}

TEST_F(PackedDatasetTest, AByteThatIsNoRoleIsDamageNamedByItsToken) {
  const std::string name = make_two();
  const auto header = TokenDataset::open(files_, name).header();
  for (const int bad : {3, 255}) {
    const auto role = static_cast<std::uint8_t>(bad);
    files_.open(name, base::OpenMode::kReadWrite)->pwrite(&role, 1, header.loss_mask.offset + 6);
    const DataSource data = source({"d.h5"});
    EXPECT_EQ(refusal([&] { (void)data.read(std::vector<std::uint64_t>{0}); }), "accepted");
    const auto damage = AllOf(HasSubstr("d.h5: token 6 has the role " + std::to_string(bad)), HasSubstr("damaged"));
    EXPECT_THAT(refusal([&] { (void)data.read(std::vector<std::uint64_t>{1}); }), damage);
    EXPECT_THAT(refusal([&] { (void)data.targets(std::vector<std::uint64_t>{1}); }), damage);
  }
}

TEST_F(PackedDatasetTest, EveryByteIsUnderAChecksum) {
  make_two("good.h5");
  const std::string good = files_.read_all(path("good.h5"));
  const auto header = TokenDataset::open(files_, path("good.h5")).header();
  const auto judge = [&](std::size_t at, char flip) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
    files_.open(path("bad.h5"), base::OpenMode::kCreate)->pwrite(bytes.data(), bytes.size(), 0);
    return refusal([&] { TokenDataset::open(files_, path("bad.h5")).verify(); });
  };
  for (std::size_t at = 0; at < kHeaderBytes; ++at) {
    EXPECT_THAT(judge(at, 0x10), AnyOf(HasSubstr("not a token dataset"), HasSubstr("damaged header"))) << at;
  }
  EXPECT_THAT(judge(header.sample_offsets.offset + 3, 1), HasSubstr("/sample_offsets is damaged"));
  EXPECT_THAT(judge(header.loss_mask.offset + 3, 1), HasSubstr("/roles is damaged"));
  EXPECT_THAT(judge(header.tokens.offset + 3, 1), HasSubstr("/tokens is damaged"));
}

TEST_F(PackedDatasetTest, AHeaderOfSamplesMustMakeSense) {
  const std::string name = make_two();
  const std::string good = files_.read_all(name);
  const auto opening = [&](const std::function<void(DatasetHeader&)>& change) {
    auto header = TokenDataset::open(files_, name).header();
    change(header);
    header.fingerprint = fingerprint_of(header);
    const auto encoded = encode_header(header);
    std::string bytes = good;
    std::copy_n(reinterpret_cast<const char*>(encoded.data()), encoded.size(), bytes.begin());
    files_.open(path("bad.h5"), base::OpenMode::kCreate)->pwrite(bytes.data(), bytes.size(), 0);
    return refusal([&] { TokenDataset::open(files_, path("bad.h5")); });
  };
  EXPECT_EQ(opening([](DatasetHeader&) {}), "accepted");
  EXPECT_THAT(opening([](DatasetHeader& header) { header.sequence = 0; }), HasSubstr("contradicts itself"));
  EXPECT_THAT(opening([](DatasetHeader& header) { header.sequence = UINT64_MAX; }), HasSubstr("contradicts itself"));
  EXPECT_THAT(opening([](DatasetHeader& header) { header.sample_offsets.bytes = 0; }), HasSubstr("contradicts itself"));
  EXPECT_THAT(opening([](DatasetHeader& header) { header.sample_offsets.bytes = 800; }),
              HasSubstr("contradicts itself"));
  EXPECT_THAT(opening([](DatasetHeader& header) { header.loss_mask.bytes = 0; }), HasSubstr("contradicts itself"));
}

}  // namespace
}  // namespace trireme::tokens
