#include "io/tokens/encoding_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::tokens {
namespace {

class EncodingPipelineTest : public testing::Test {
 protected:
  std::string jsonl(int documents, const std::string& last = "") {
    std::string content;
    for (int i = 0; i < documents; ++i) content += base::str("{\"text\":\"", std::string(1000, 'a'), " ", i, "\"}\n");
    auto path = (directory_.path() / "d.jsonl").string();
    files_.replace(path, content + last);
    return path;
  }
  /// One id: the number after the last space.
  static void encode(std::string_view text, text::TextPlace /*place*/, std::vector<std::uint32_t>& ids) {
    ids.push_back(static_cast<std::uint32_t>(std::stoul(std::string(text.substr(text.rfind(' ') + 1)))));
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(EncodingPipelineTest, KeepsTheOrderOfDocuments) {
  for (const unsigned threads : {1U, 2U, 7U}) {
    text::DocumentReader reader(files_, {jsonl(20000)});
    EncodingPipeline pipeline(reader, encode, threads);
    EncodedBlock block;
    std::uint32_t expected = 0;
    text::DocumentCounts counts;
    while (pipeline.next(block)) {
      counts += block.counts;
      for (const auto& piece : block.pieces) {
        ASSERT_EQ(piece.text, std::vector<std::uint32_t>{expected});
        ++expected;
      }
    }
    EXPECT_EQ(expected, 20000U);
    EXPECT_EQ(counts.documents, 20000U);
    EXPECT_EQ(block.consumed, reader.total());
  }
}

TEST_F(EncodingPipelineTest, PassesOnErrorsOfReadingAndEncoding) {
  EncodedBlock block;
  {
    text::DocumentReader reader(files_, {jsonl(5000, "not JSON\n")});
    EncodingPipeline pipeline(reader, encode, 2);
    EXPECT_THROW(while (pipeline.next(block)){}, base::InputError);
  }
  {
    text::DocumentReader reader(files_, {jsonl(5000)});
    EncodingPipeline pipeline(
        reader,
        [](std::string_view text, text::TextPlace /*place*/, std::vector<std::uint32_t>&) {
          if (text.ends_with(" 3000")) throw base::Error("broken");
        },
        2);
    EXPECT_THROW(while (pipeline.next(block)){}, base::Error);
  }
}

TEST_F(EncodingPipelineTest, NamesTheLineThatCannotBeEncoded) {
  text::DocumentReader reader(files_, {jsonl(5000)});
  EncodingPipeline pipeline(
      reader,
      [](std::string_view text, text::TextPlace /*place*/, std::vector<std::uint32_t>&) {
        if (text.ends_with(" 3000")) throw base::InputError("too many ways to match");
      },
      2);
  EncodedBlock block;
  try {
    while (pipeline.next(block)) {
    }
    FAIL() << "nothing was thrown";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::EndsWith("d.jsonl:3001: too many ways to match"));
  }
}

TEST_F(EncodingPipelineTest, MayBeDroppedInTheMiddle) {
  text::DocumentReader reader(files_, {jsonl(20000)});
  EncodingPipeline pipeline(reader, encode, 3);
  EncodedBlock block;
  EXPECT_TRUE(pipeline.next(block));
}

}  // namespace
}  // namespace trireme::tokens
