#include "io/text/document_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.hpp"
#include "io/text/utf8.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string gzip(const std::string& bytes) {
  std::string out(bytes.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

class DocumentReaderTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    const auto path = directory_.path() / name;
    files_.create_directories(path.parent_path());
    files_.replace(path, content);
    return path.string();
  }
  std::vector<std::string> texts(const std::vector<std::string>& inputs, DocumentReaderOptions options = {}) {
    DocumentReader reader(files_, inputs, std::move(options));
    std::vector<std::string> out;
    DocumentPiece piece;
    while (reader.next(piece)) {
      if (piece.begins) {
        out.push_back(piece.prompt.empty() ? piece.text : piece.prompt + "|" + piece.text);
      } else {
        out.back() += piece.text;
      }
    }
    counts_ = reader.counts();
    return out;
  }
  std::string refusal(const std::vector<std::string>& inputs, DocumentReaderOptions options = {}) {
    try {
      texts(inputs, std::move(options));
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  DocumentCounts counts_;
};

TEST_F(DocumentReaderTest, PlainTextIsOneDocumentAndJsonlOnePerLine) {
  const auto a = file("a.txt", "one\ntwo\n");
  const auto b = file("b.jsonl", "{\"text\": \"x\\u00e9\"}\n\n{\"text\": \"y\", \"n\": 1}");
  EXPECT_THAT(texts({b, a}), ElementsAre("x\u00e9", "y", "one\ntwo\n"));
  EXPECT_EQ(counts_.documents, 3U);
}

TEST_F(DocumentReaderTest, UndoesGzipAndZstdOfSeveralMembers) {
  std::string long_text;
  for (int i = 0; i < 400000; ++i) long_text += base::str(i, " ");
  const auto a = file("a.txt.gz", gzip("hello ") + gzip(long_text));
  const auto b = file("b.jsonl.zst", zstd("{\"text\":\"p\"}\n") + zstd("{\"text\":\"" + long_text + "\"}\n"));
  EXPECT_THAT(texts({a, b}), ElementsAre("hello " + long_text, "p", long_text));
}

TEST_F(DocumentReaderTest, RefusesCutOffAndDamagedCompression) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += base::str(i * 7919 % 10007, " ");
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    for (const std::size_t length : {packed.size() - 1, packed.size() / 2, std::size_t{12}}) {
      EXPECT_THAT(refusal({file("cut", packed.substr(0, length))}), HasSubstr("fetch the file again"));
    }
    std::string damaged = packed;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    // zstd without a content checksum may decode damaged bytes to other text: only gzip promises to notice.
    if (packed.starts_with("\x1f")) {
      EXPECT_THAT(refusal({file("bad", damaged)}), HasSubstr("fetch the file again"));
    }
  }
  EXPECT_THAT(refusal({file("x.gz", "plain")}), HasSubstr("named .gz"));
}

TEST_F(DocumentReaderTest, PromptsPrecedeText) {
  const auto path =
      file("a.jsonl", "{\"q\":\"why\",\"a\":\"so\"}\n{\"q\":\"\",\"a\":\"yes\"}\n{\"q\":\"who\",\"a\":\"\"}\n");
  DocumentReaderOptions options;
  options.field = "a";
  options.prompt_field = "q";
  EXPECT_THAT(texts({path}, options), ElementsAre("why|so", "yes"));
  EXPECT_EQ(counts_.empty, 1U);
  EXPECT_THAT(refusal({file("b.txt", "x")}, options), HasSubstr("plain text"));
}

TEST_F(DocumentReaderTest, NamesFileAndLineOfBadJson) {
  EXPECT_THAT(refusal({file("a.jsonl", "{\"text\":\"x\"}\n{\"text\":")}), HasSubstr("a.jsonl:2 is not valid JSON"));
  EXPECT_THAT(refusal({file("b.jsonl", "\n[1]\n")}), HasSubstr("b.jsonl:2 is not a JSON object"));
  EXPECT_THAT(refusal({file("c.jsonl", "{\"body\":\"x\"}\n")}),
              HasSubstr("c.jsonl:1 has no field \"text\" (it has: body)"));
  EXPECT_THAT(refusal({file("d.jsonl", "{\"text\":3}\n")}), HasSubstr("not a string"));
  EXPECT_THAT(refusal({(directory_.path() / "none.txt").string()}), HasSubstr("none.txt does not exist"));
}

TEST_F(DocumentReaderTest, ReadsDirectoriesSortedAndRefusesEmptyOnes) {
  file("d/b.txt", "B");
  file("d/a/z.jsonl", "{\"text\":\"Z\"}");
  file("d/picture.png", "x");
  EXPECT_THAT(texts({(directory_.path() / "d").string()}), ElementsAre("Z", "B"));
  files_.create_directory(directory_.path() / "e");
  EXPECT_THAT(refusal({(directory_.path() / "e").string()}), HasSubstr("holds no file ending in"));
}

TEST_F(DocumentReaderTest, ReplacesOrRefusesInvalidUtf8) {
  const auto path = file("a.txt",
                         "a\xff"
                         "b\xe2\x82");
  EXPECT_THAT(texts({path}), ElementsAre("a\uFFFD"
                                         "b\uFFFD"));
  EXPECT_EQ(counts_.replaced, 2U);
  DocumentReaderOptions options;
  options.replace_invalid_utf8 = false;
  EXPECT_THAT(refusal({path}, options), HasSubstr("not valid UTF-8"));
}

TEST_F(DocumentReaderTest, EmptyFilesAreNoDocuments) {
  EXPECT_THAT(texts({file("a.txt", ""), file("b.jsonl", "\n"), file("c.txt", "x")}), ElementsAre("x"));
  EXPECT_EQ(counts_.empty, 1U);
}

TEST_F(DocumentReaderTest, CutsLongTextOnlyWhereAllowed) {
  std::string text;
  for (int i = 0; i < 300000; ++i) text += i % 1000 == 0 ? "\u20ac |" : "abcd\u00fc";
  const auto path = file("a.txt", text);
  DocumentReaderOptions options;
  options.piece_bytes = 1000;
  std::size_t pieces = 0;
  options.cut = [&](std::string_view s) {
    ++pieces;
    const std::size_t bar = s.find_last_of('|', s.size() - 2);
    return bar == std::string_view::npos ? 0 : bar + 1;
  };
  EXPECT_THAT(texts({path}, options), ElementsAre(text));
  EXPECT_GT(pieces, 2U);
  options.cut = [](std::string_view) { return std::size_t{0}; };
  EXPECT_THAT(texts({path}, options), ElementsAre(text));
}

TEST(Utf8Repair, ReplacesMaximalSubpartsAndKeepsCutOffCharacters) {
  std::string out;
  std::size_t unused = 0;
  EXPECT_EQ(append_valid_utf8("\xf0\x80\x80\x41\xed\xa0\x80\xf4\x8f\xbf", true, out, &unused), 7U);
  EXPECT_EQ(out,
            "\uFFFD\uFFFD\uFFFD"
            "A"
            "\uFFFD\uFFFD\uFFFD"
            "\uFFFD");
  out.clear();
  EXPECT_EQ(append_valid_utf8("ok\xf0\x9f\x98", false, out, &unused), 0U);
  EXPECT_EQ(out, "ok");
  EXPECT_EQ(unused, 3U);
}

}  // namespace
}  // namespace trireme::text
