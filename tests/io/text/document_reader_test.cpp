#include "io/text/document_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "base/error.hpp"
#include "io/text/utf8.hpp"
#include "tests/io/text/compressed.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::text {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

using tests::gzip;
using tests::zstd;

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
  EXPECT_THAT(refusal({file("x.GZ", "plain")}), HasSubstr("named as gzip or zstd data but holds neither"));
}

TEST_F(DocumentReaderTest, ReadsWhatToolsMakeOfCompression) {
  const std::string padding(1000, '\0');
  const std::vector<std::string> packed = {
      tests::skippable_zstd("abcd") + zstd("hel") + tests::skippable_zstd("") + zstd("lo"),  // pzstd
      tests::zstd_with_widest_window("hello"),                                               // zstd --long=31
      zstd("hello") + padding,
      zstd("") + zstd("hello"),
      gzip("hello") + padding,  // from a tape
      gzip("") + gzip("hel") + gzip("") + gzip("lo"),
  };
  for (std::size_t i = 0; i < packed.size(); ++i) {
    EXPECT_THAT(texts({file("x", packed[i])}), ElementsAre("hello")) << i;
    EXPECT_THAT(texts({file("x.txt", packed[i])}), ElementsAre("hello")) << i;
  }
}

TEST_F(DocumentReaderTest, NamesThePlaceOfWhatFollowsCompressedData) {
  for (const std::string& packed : {gzip("hello"), zstd("hello")}) {
    for (const std::string& after : {"plain text"s, "\0\0\0plain"s, "\x1f"s}) {
      const std::size_t place = packed.size() + (after[0] == '\0' ? 3 : 0);
      EXPECT_THAT(refusal({file("x", packed + after)}),
                  testing::AnyOf(HasSubstr(base::str("from byte ", place, " on")),
                                 HasSubstr(base::str("after ", packed.size() + after.size(), " bytes"))));
    }
  }
  EXPECT_THAT(refusal({file("x", gzip(std::string(5000, 'a')).substr(0, 20))}), HasSubstr("gzip data, after 20 bytes"));
}

TEST_F(DocumentReaderTest, ADecompressionBombIsRefusedUnlessAllowed) {
  const std::string much(std::size_t{80} << 20, 'a');
  DocumentReaderOptions options;
  options.expansion.ratio = 100;
  for (const std::string& packed : {gzip(much), zstd(much)}) {
    const auto path = file("bomb", packed);
    EXPECT_THAT(refusal({path}, options), HasSubstr("--max-expansion"));
    DocumentReaderOptions more;
    more.expansion.ratio = 1e9;
    EXPECT_EQ(texts({path}, more).front().size(), much.size());
  }
}

TEST_F(DocumentReaderTest, ALineOrTextThatMustBeHeldWholeIsBounded) {
  DocumentReaderOptions options;
  options.largest_document = std::size_t{2} << 20;
  const auto lines = [](std::size_t bytes) {
    return "{\"text\":\"x\"}\n{\"text\":\"" + std::string(bytes, 'a') + "\"}\n";
  };
  const std::size_t longest = options.largest_document - 11;
  EXPECT_EQ(texts({file("a.jsonl", lines(longest))}, options).size(), 2U);
  EXPECT_THAT(refusal({file("a.jsonl", lines(longest + 1))}, options), HasSubstr("a.jsonl:2 holds a document of more"));
  const auto text = file("a.txt", std::string(options.largest_document + 1, 'a'));
  EXPECT_THAT(refusal({text}, options), HasSubstr("raise --max-document"));
  options.piece_bytes = 1000;
  options.cut = [](std::string_view) { return std::size_t{0}; };
  EXPECT_THAT(refusal({text}, options), HasSubstr("raise --max-document"));
  options.cut = [](std::string_view part) { return part.size() - 1; };
  EXPECT_EQ(texts({text}, options).front().size(), options.largest_document + 1);
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

TEST_F(DocumentReaderTest, AWalkTakesEachFileOnceAndSaysWhatItLeavesOut) {
  const auto root = directory_.path() / "d";
  file("d/A.TXT", "A");
  file("d/b.JSONL.GZ", gzip("{\"text\":\"B\"}\n"));
  file("d/c.json", "{\"text\":\"C\"}\n{\"text\":\"D\"}\n");
  file("d/pretty.json", "{\n\"text\":\"no\"\n}\n");
  file("d/sub/e.Md", "E");
  file("d/x.csv", "no");
  file("d/y.CSV", "no");
  file("d/README", "no");
  file("d/.hidden.txt", "no");
  file("d/.git/f.txt", "no");
  ASSERT_EQ(::mkfifo((root / "p.txt").c_str(), 0600), 0);
  std::filesystem::create_directory_symlink(".", root / "loop");
  std::filesystem::create_directory_symlink("..", root / "sub/up");
  std::filesystem::create_symlink("A.TXT", root / "again.txt");
  std::filesystem::create_symlink("nowhere", root / "broken.txt");
  std::filesystem::create_hard_link(root / "sub/e.Md", root / "sub/g.md");
  EXPECT_THAT(texts({root.string()}), ElementsAre("A", "B", "C", "D", "E"));
  DocumentReader reader(files_, {root.string()});
  ASSERT_EQ(reader.notes().size(), 1U);
  EXPECT_THAT(
      reader.notes()[0],
      HasSubstr("d: 4 files to read; left out: 2 .csv, 1 .json not of one object a line, 1 broken links, 1 that are "
                "no regular files, 1 without an ending, 2 hidden, 4 reached a second time through links"));
  file("only/x.parquet", "PAR1");
  EXPECT_THAT(refusal({(directory_.path() / "only").string()}), HasSubstr("but 1 .parquet"));
  file("plain/a.txt", "x");
  EXPECT_TRUE(DocumentReader(files_, {(directory_.path() / "plain").string()}).notes().empty());
}

TEST_F(DocumentReaderTest, TellsJsonlByItsNameElseByItsFirstLine) {
  const std::string lines = "{\"text\": \"x\"}\n{\"text\": \"y\"}\n";
  for (const char* name : {"a.json", "a.JSON", "a.JsonL", "a.ndjson", "noname", "a.data"}) {
    EXPECT_THAT(texts({file(name, lines)}), ElementsAre("x", "y")) << name;
  }
  EXPECT_THAT(texts({file("a.txt", lines)}), ElementsAre(lines));
  EXPECT_THAT(texts({file("b.data", "words\n" + lines)}), ElementsAre("words\n" + lines));
  DocumentReaderOptions options;
  options.format = InputFormat::kText;
  EXPECT_THAT(texts({file("a.json", lines)}, options), ElementsAre(lines));
  EXPECT_THAT(refusal({file("a.json", "[\n{\"text\": 1}]")}), HasSubstr("a.json is one JSON array"));
  EXPECT_THAT(refusal({file("a.json", "{\n\"text\": 1}")}), HasSubstr("over several lines"));
  EXPECT_THAT(refusal({file("a.json", "words")}), HasSubstr("does not hold one JSON object a line"));
}

TEST_F(DocumentReaderTest, LeavesOutTheMarkOfUtf8AndRefusesWhatIsNoText) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_THAT(texts({file("a.txt", mark + "x" + mark), file("b.jsonl", mark + "{\"text\":\"y\"}"),
                     file("c.gz", gzip(mark + "z")), file("d.txt", mark)}),
              ElementsAre("x" + mark, "y", "z"));
  EXPECT_EQ(counts_.empty, 1U);
  EXPECT_THAT(refusal({file("a.txt", "\xFF\xFEh\0i\0"s)}), HasSubstr("a.txt is UTF-16 text"));
  EXPECT_THAT(refusal({file("a.gz", gzip(gzip("x")))}), HasSubstr("a.gz is compressed twice"));
  const auto zeros = file("a.txt", std::string(1000, '\0'));
  EXPECT_THAT(refusal({zeros}), HasSubstr("--any-content"));
  DocumentReaderOptions options;
  options.check = ContentCheck::kNone;
  EXPECT_THAT(texts({zeros}, options), ElementsAre(std::string(1000, '\0')));
}

TEST_F(DocumentReaderTest, APipeIsReadAsAFileIs) {
  const std::string lines = "{\"text\":\"x\"}\n{\"text\":\"y\"}\n";
  const auto fifo = directory_.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& content : {lines, gzip(lines), tests::skippable_zstd("") + zstd(lines)}) {
    std::thread writer([&] {  // one byte at a time
      const auto pipe = std::unique_ptr<std::FILE, int (*)(std::FILE*)>(std::fopen(fifo.c_str(), "w"), &std::fclose);
      std::setvbuf(pipe.get(), nullptr, _IONBF, 0);
      for (const char c : content) std::fputc(c, pipe.get());
    });
    EXPECT_THAT(texts({fifo.string()}), ElementsAre("x", "y"));
    writer.join();
  }
  EXPECT_EQ(DocumentReader(files_, {fifo.string(), file("a.txt", "x")}).total(), 0U);
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
