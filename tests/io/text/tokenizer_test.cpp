// The tokenizer without outside help: words, merges, added tokens, files. tokenizer_oracle_test.py compares ids with
// Hugging Face's.
#include "io/text/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/text/bpe_trainer.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/model/merge_table.hpp"
#include "io/text/split/bracket_parser.hpp"
#include "io/text/split/splitter.hpp"
#include "io/text/tokenizer_definition.hpp"
#include "io/text/utf8.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::uint32_t>;

std::vector<std::string> words(const Splitter& splitter, std::string_view text) {
  std::vector<std::string> words;
  std::vector<std::uint32_t> lengths;
  for (std::size_t position = 0; position < text.size();) {
    std::size_t begin = position;
    lengths.clear();
    splitter.split(text, position, lengths);
    for (const std::uint32_t length : lengths) {
      words.emplace_back(text.substr(begin, length));
      begin += length;
    }
  }
  return words;
}

TextSource texts(std::vector<std::string> list) {
  return [list = std::move(list), next = std::size_t{0}](std::string& text) mutable {
    if (next == list.size()) return false;
    text = list[next++];
    return true;
  };
}

TokenizerDefinition trained(const std::string& text, std::size_t vocabulary, const std::string& pattern = "gpt2") {
  TrainerOptions options;
  options.vocabulary = vocabulary;
  options.pattern = pattern;
  return train_bpe(texts({text}), options).definition;
}

const char* const kSample =
    "the cat sat on the mat; the cats' hats aren't that flat.\n\n  12345 67 \xC3\xA9t\xC3\xA9 \xE2\x80\x99s\r\nthe end";

/// Characters that patterns tell apart, some of Unicode 15 and 16, and others of many blocks.
std::string random_text(std::mt19937& random, std::size_t length) {
  static const std::vector<std::uint32_t> kCommon = {
      ' ',    ' ',   '\n',   '\r',   '\t',   '\'',  's',     'T',     'l',     'L',     'v',
      'e',    'E',   '0',    '9',    '.',    '_',   '-',     0,       0x85,    0xA0,    0xE9,
      0x301,  0x17F, 0x180E, 0x2028, 0x3000, 0xBD,  0xFEFF,  0x200D,  0x1F44D, 0x5B57,  0x661,
      0x2167, 0x1C5, '/',    'A',    'b',    0x2B0, 0x10D50, 0x10D70, 0x1C89,  0x31350, 0x16D40};
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    const std::uint32_t block = random() % 4;
    append_code_point(block ? kCommon[random() % kCommon.size()] : 0x20 + static_cast<std::uint32_t>(random() % 0x330),
                      text);
  }
  return text;
}

TEST(Splitter, ScannersEqualOniguruma) {
  const auto classes = std::make_shared<UnicodeClasses>();
  std::mt19937 random = trireme::tests::seeded_random(1);
  for (const char* const pattern : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern, kO200kPattern}) {
    const auto scanner = make_splitter(pattern, classes), oniguruma = make_oniguruma_splitter(pattern);
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random, 1 + random() % 30);
      ASSERT_EQ(words(*scanner, text), words(*oniguruma, text)) << pattern;
    }
    const std::string long_text = random_text(random, 200000);
    EXPECT_EQ(words(*scanner, long_text), words(*oniguruma, long_text));
  }
}

TEST(Splitter, LongRunsNeedNoStackAndNoLimit) {
  const auto classes = std::make_shared<UnicodeClasses>();
  for (const char* const pattern : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern, kO200kPattern}) {
    for (const char c : {'a', ' ', '\n', '=', '7'}) {
      const std::string text(1 << 20, c);
      EXPECT_EQ(words(*make_oniguruma_splitter(pattern), text), words(*make_splitter(pattern, classes), text));
    }
  }
  // A group that backtracks keeps one frame a round.
  EXPECT_THAT(words(*make_oniguruma_splitter("(?:a|ab)*c|a+"), std::string(1 << 20, 'a')),
              ElementsAre(std::string(1 << 20, 'a')));
}

TEST(Splitter, APatternThatTriesTooManyWaysIsAnError) {
  const auto message = [](const char* pattern, const std::string& text) -> std::string {
    try {
      words(*make_oniguruma_splitter(pattern), text);
      return "";
    } catch (const base::InputError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message("(a+)+$|;", ";" + std::string(40, 'a') + "b"),
              testing::AllOf(HasSubstr("(a+)+$|;"), HasSubstr("byte 1 of a text")));
  // Few ways from each place, but from every place again: bounded for the search, and for all searches of a call.
  EXPECT_THAT(message("(?:a|b)*c|z", std::string(100000, 'a') + "dc"), HasSubstr("byte 0 of a text"));
  EXPECT_THAT(message("a(?=(?:a|b)*c)|a", std::string(100000, 'a')), HasSubstr("of a text"));
}

TEST(Splitter, TextBetweenMatchesIsAWord) {
  EXPECT_THAT(words(*make_oniguruma_splitter("[0-9]+"), "ab12cd3"), ElementsAre("ab", "12", "cd", "3"));
  EXPECT_THAT(words(*make_oniguruma_splitter("x*"), "axxb"), ElementsAre("a", "xx", "b"));
  EXPECT_THAT(words(*make_oniguruma_splitter(""), "ab"), ElementsAre("a", "b"));
}

TEST(Splitter, ReadsConstructsAsHuggingFaceDoes) {
  // tokenizer_oracle_test.py compares many more with Hugging Face itself.
  EXPECT_THAT(words(*make_oniguruma_splitter("[0-9]{1,3}+"), "a1234567"), ElementsAre("a", "1234567"));
  EXPECT_THAT(words(*make_oniguruma_splitter("xa{,2}"), "xaaa"), ElementsAre("xaa", "a"));
  EXPECT_THAT(words(*make_oniguruma_splitter("xa{2}?"), "xxaa"), ElementsAre("x", "xaa"));
  EXPECT_THAT(words(*make_oniguruma_splitter("(?i:\xC3\x9F)"), "aSSb"), ElementsAre("a", "SS", "b"));
  EXPECT_THAT(words(*make_oniguruma_splitter(R"(\p{Han}+)"), "a\xE5\xAD\x97z"), ElementsAre("a", "\xE5\xAD\x97", "z"));
  EXPECT_THAT(words(*make_oniguruma_splitter("(?i:\xF0\x90\xB5\x90)"), "x\xF0\x90\xB5\xB0y"),  // Garay, Unicode 16
              ElementsAre("x", "\xF0\x90\xB5\xB0", "y"));
}

TEST(Splitter, RefusesWhatCannotBeReadAsHuggingFaceDoes) {
  for (const char* const pattern : {R"(\X)", R"(\y)", R"(a\Kb)", R"(\p{Age=16.0})", R"(\p{Nonsense})",
                                    R"([[:nonsense:]])", R"((?W:a))", R"((*FAIL))", R"((?{x})a)", R"([b-a])", R"([)",
                                    R"(\)", R"((a)", R"([\x{110000}])", R"([\xE9])", R"(\cA)", R"([])", R"([]a])"}) {
    try {
      make_oniguruma_splitter(pattern);
      ADD_FAILURE() << pattern;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(pattern));
    }
  }
  EXPECT_THROW(make_oniguruma_splitter(std::string(20000, 'a')), base::InputError);
  EXPECT_THROW(make_oniguruma_splitter(std::string(60, '[') + "a" + std::string(60, ']')), base::InputError);
}

CodePointSet bracket(std::string_view pattern) {
  std::size_t position = 1;
  const BracketExpression expression = read_bracket(pattern, position);
  EXPECT_EQ(position, pattern.size()) << pattern;
  return expression.negated ? expression.members.complement() : expression.members;
}

TEST(BracketParser, ReadsRangesSetsAndOperators) {
  const CodePointSet abc({{'a', 'c'}}), abc_dash({{'a', 'c'}, {'-', '-'}});
  EXPECT_EQ(bracket("[a-c]"), abc);
  EXPECT_EQ(bracket("[cab]"), abc);
  for (const char* const dash : {"[-a-c]", "[a-c-]", "[a-c-&&[\\x00-z]]", "[[a-c]-]", R"([a-c\-])", R"([\x2da-c])"}) {
    EXPECT_EQ(bracket(dash), abc_dash) << dash;
  }
  EXPECT_EQ(bracket("[!--]"), CodePointSet({{'!', '-'}}));
  EXPECT_EQ(bracket("[a-w&&[^c-g]z]"), CodePointSet({{'a', 'b'}, {'h', 'w'}}));
  EXPECT_EQ(bracket("[a-w&&z[^c-g]]"), CodePointSet({{'a', 'b'}, {'h', 'w'}}));
  EXPECT_EQ(bracket("[^a-w&&[^c-g]]"), CodePointSet({{'a', 'b'}, {'h', 'w'}}).complement());
  EXPECT_EQ(bracket("[[:digit:]&&[:ascii:]]"), CodePointSet({{'0', '9'}}));
  EXPECT_EQ(bracket(R"([\d&&\p{ASCII}])"), CodePointSet({{'0', '9'}}));
  EXPECT_EQ(bracket(R"([^\P{Nd}&&\p{^ASCII}])"), bracket(R"([\p{ASCII}\d])"));
  EXPECT_EQ(bracket(R"([\u0041\x{42}\x43])"), CodePointSet({{'A', 'C'}}));
}

TEST(CodePointSet, ComplementsUnionsAndIntersections) {
  const CodePointSet set({{5, 9}, {0, 2}, {3, 3}, {7, 12}});
  EXPECT_EQ(set.ranges(), (std::vector<CodePointSet::Range>{{0, 3}, {5, 12}}));
  EXPECT_EQ(set.complement().complement(), set);
  EXPECT_TRUE(set.contains(12) && set.contains(0) && !set.contains(4) && !set.contains(13));
  EXPECT_EQ((set & set.complement()), CodePointSet());
  EXPECT_EQ((set | set.complement()), CodePointSet({{0, kLastCodePoint}}));
  EXPECT_EQ(CodePointSet({{0xD700, 0xD900}}).bracket_members(), R"(\x{D700}-\x{D7FF})");
}

/// The leftmost pair of the smallest rank, again and again.
Ids merged_plainly(const std::string& word, const std::vector<Merge>& merges) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> ranks;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) ranks[{merges[rank].left, merges[rank].right}] = rank;
  Ids ids(word.begin(), word.end());
  while (true) {
    std::size_t best = merges.size(), at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = ranks.find({ids[i], ids[i + 1]});
      if (found == ranks.end() || found->second >= best) continue;
      best = found->second;
      at = i;
    }
    if (best == merges.size()) return ids;
    ids[at] = merges[best].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeTable, LongAndShortWordsFollowTheRanks) {
  std::mt19937 random = trireme::tests::seeded_random(2);
  MergeTable::Scratch scratch;
  for (int round = 0; round < 300; ++round) {
    std::vector<Merge> merges;
    for (std::uint32_t id = 256; id < 296; ++id) {
      const auto token = [&]() -> std::uint32_t {
        return id == 256 || random() % 3 ? static_cast<std::uint32_t>('a' + random() % 3)
                                         : 256 + static_cast<std::uint32_t>(random() % (id - 256));
      };
      const std::uint32_t left = token(), right = token();
      merges.push_back({left, right, id});
    }
    std::shuffle(merges.begin(), merges.end(), random);  // tokens may come to be before their parts' rank
    const MergeTable table(merges);
    for (int w = 0; w < 20; ++w) {
      std::string word(1 + random() % 150, 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % 3);
      Ids ids(word.begin(), word.end());
      ids.resize(table.merge(ids.data(), ids.size(), scratch));
      ASSERT_EQ(ids, merged_plainly(word, merges)) << word;
    }
  }
}

TEST(Tokenizer, DecodesWhatItEncoded) {
  for (const char* const pattern : {"gpt2", "llama3"}) {
    const Tokenizer tokenizer = Tokenizer::make(trained(kSample, 300, pattern));
    std::mt19937 random = trireme::tests::seeded_random(3);
    for (int round = 0; round < 500; ++round) {
      const std::string text = random_text(random, random() % 200) + (round % 3 ? "" : "<|endoftext|> the cat");
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    }
  }
}

TEST(Tokenizer, IdsDoNotDependOnWhatWasEncodedBefore) {
  const TokenizerDefinition definition = trained(kSample, 320);
  const Tokenizer used = Tokenizer::make(definition);
  std::mt19937 random = trireme::tests::seeded_random(4);
  for (int i = 0; i < 40; ++i) used.encode(random_text(random, 20000));  // more words than the cache holds
  for (int round = 0; round < 20; ++round) {
    const std::string text = random_text(random, 300) + kSample;
    EXPECT_EQ(used.encode(text), Tokenizer::make(definition).encode(text));
  }
}

TEST(Tokenizer, ManyThreadsMayEncodeAtOnce) {
  const Tokenizer tokenizer = Tokenizer::make(trained(kSample, 320));
  std::mt19937 random = trireme::tests::seeded_random(5);
  const std::string text = random_text(random, 20000);
  const Ids expected = tokenizer.encode(text);
  std::vector<Ids> results(8);
  {
    std::vector<std::jthread> threads;
    for (Ids& result : results) threads.emplace_back([&] { result = tokenizer.encode(text); });
  }
  for (const Ids& result : results) EXPECT_EQ(result, expected);
}

TEST(Tokenizer, ItsBytesMakeTheSameTokenizer) {
  const Tokenizer tokenizer = Tokenizer::make(trained(kSample, 290, "llama3"));
  const Tokenizer again = Tokenizer::parse(tokenizer.to_json());
  EXPECT_EQ(again.to_json(), tokenizer.to_json());
  EXPECT_EQ(again.encode(kSample), tokenizer.encode(kSample));
  EXPECT_EQ(again.vocabulary_size(), 290U);
  EXPECT_EQ(again.end_of_text(), 0U);
  EXPECT_EQ(again.id_of("<|endoftext|>"), 0U);
  EXPECT_EQ(again.id_of("no such token"), std::nullopt);
}

TEST(Tokenizer, FileBytesAreKeptAsTheyAre) {
  const std::string json = Tokenizer::make(trained(kSample, 270)).to_json() + " \n";
  EXPECT_EQ(Tokenizer::parse(json).to_json(), json);
}

TEST(Tokenizer, AddedTokensCountInTheVocabulary) {
  TokenizerDefinition definition = trained(kSample, 280);
  AddedToken token;
  token.id = 280;
  token.content = "<pad>";
  definition.added_tokens.push_back(token);
  const Tokenizer tokenizer = Tokenizer::parse(Tokenizer::make(definition).to_json());
  EXPECT_EQ(tokenizer.vocabulary_size(), 281U);
  EXPECT_THAT(tokenizer.encode("<pad><pad>"), ElementsAre(280, 280));
  EXPECT_THROW(tokenizer.decode(Ids{281}), base::InputError);
}

TEST(Tokenizer, MalformedUtf8BecomesReplacementCharacters) {
  const Tokenizer tokenizer = Tokenizer::make(trained(kSample, 270));
  const std::string replacement = "\xEF\xBF\xBD";
  const auto through = [&](std::string_view text) { return tokenizer.decode(tokenizer.encode(text)); };
  EXPECT_EQ(through("a\xFF"
                    "b"),
            "a" + replacement + "b");
  EXPECT_EQ(through("\xE2\x82"), replacement);                                           // one cut character
  EXPECT_EQ(through("\xED\xA0\x80"), replacement + replacement + replacement);           // a surrogate
  EXPECT_EQ(through("\xF0\x9F\x98\xF0\x9F\x98\x80"), replacement + "\xF0\x9F\x98\x80");  // cut, then whole
}

// Both would take hours in quadratic time.
TEST(Tokenizer, TakesLinearTimeForManyTokensThatSwallowWhiteSpace) {
  TokenizerDefinition definition = trained(kSample, 280);
  for (const char* const content : {" ", "\n"}) {
    AddedToken token;
    token.id = static_cast<std::uint32_t>(280 + definition.added_tokens.size() - 1);
    token.content = content;
    token.rstrip = token.content == " ";
    definition.added_tokens.push_back(token);
  }
  const Tokenizer tokenizer = Tokenizer::make(definition);
  EXPECT_THAT(tokenizer.encode(" \n  a\n"), ElementsAre(280, 281, 280, 280, *tokenizer.id_of("a"), 281));
  constexpr std::size_t kPairs = 1 << 20;
  std::string text;
  Ids expected;
  for (std::size_t i = 0; i < kPairs; ++i) {
    text += " \n";
    expected.insert(expected.end(), {280, 281});
  }
  EXPECT_EQ(tokenizer.encode(text), expected);
}

TEST(Tokenizer, TakesLinearTimeToReplaceInALongToken) {
  constexpr std::size_t kLength = 1 << 21;
  const std::string json = R"({"model": {"type": "BPE", "merges": [], "vocab": {")" + std::string(kLength, 'a') +
                           R"(": 0, "aba": 1}}, "decoder": {"type": "Replace", "pattern": {"String": "a"},)" +
                           R"("content": "aa"}})";
  const Tokenizer tokenizer = Tokenizer::parse(json);
  EXPECT_EQ(tokenizer.decode(Ids{0, 1}), std::string(2 * kLength, 'a') + "aabaa");
}

TEST(Tokenizer, RefusesATextOf2GiB) {
  constexpr std::size_t kBytes = std::size_t{1} << 31;
  void* const zeros = mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(zeros, MAP_FAILED);
  const Tokenizer tokenizer = Tokenizer::make(trained(kSample, 270));
  EXPECT_THROW(tokenizer.encode({static_cast<const char*>(zeros), kBytes}), base::InputError);
  munmap(zeros, kBytes);
}

TEST(Tokenizer, LoadsAPairOfFilesByAnyName) {
  const tests::TemporaryDirectory directory;
  const TokenizerDefinition definition = trained(kSample, 300);
  base::Json vocabulary;
  for (const auto& [token, id] : definition.vocabulary) vocabulary[token] = id;
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : definition.merges) merges += left + " " + right + "\n";
  base::PosixFileSystem files;
  files.replace(directory.path() / "vocab.json", vocabulary.dump());
  EXPECT_THROW(Tokenizer::load(directory.path()), base::InputError);
  files.replace(directory.path() / "merges.txt", merges);
  const Ids expected = Tokenizer::make(definition).encode(kSample);
  for (const char* const name : {"", "vocab.json", "merges.txt"}) {
    const Tokenizer tokenizer = Tokenizer::load(directory.path() / name);
    EXPECT_EQ(tokenizer.encode(kSample), expected);
    EXPECT_EQ(tokenizer.end_of_text(), 0U);
  }
}

TEST(Tokenizer, RefusesFilesInOneSentence) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      Tokenizer::parse(json, "tok.json");
      return "accepted";
    } catch (const base::InputError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message("{"), HasSubstr("tok.json is not readable JSON"));
  EXPECT_THAT(message("[]"), HasSubstr("no model"));
  EXPECT_THAT(message(R"({"model": {"type": "Unigram"}})"), HasSubstr("Unigram"));
  EXPECT_THAT(message(R"({"normalizer": {"type": "Nmt"}, "model": {}})"), HasSubstr("Nmt"));
}

TEST(Trainer, CountsInThreadsMakeTheSameVocabulary) {
  std::mt19937 random = trireme::tests::seeded_random(6);
  std::vector<std::string> list;
  for (int i = 0; i < 50; ++i) list.push_back(random_text(random, 500) + kSample);
  TrainerOptions options;
  options.vocabulary = 600;
  options.threads = 1;
  const TrainedTokenizer one = train_bpe(texts(list), options);
  options.threads = 5;
  const TrainedTokenizer five = train_bpe(texts(list), options);
  EXPECT_EQ(one.definition.merges, five.definition.merges);
  EXPECT_EQ(one.definition.vocabulary, five.definition.vocabulary);
  EXPECT_EQ(one.bytes, five.bytes);
}

TEST(Trainer, EqualCountsGoToTheSmallerPair) {
  // "ab" and "cd" both occur twice; then nothing is left but the pair of both, in no word.
  const TokenizerDefinition definition = trained("cd ab\ncd ab", 260);
  ASSERT_GE(definition.merges.size(), 2U);
  EXPECT_EQ(definition.merges[0], std::pair(std::string("a"), std::string("b")));
  EXPECT_EQ(definition.merges[1], std::pair(std::string("c"), std::string("d")));
}

TEST(Trainer, StopsWhenNoPairIsLeft) {
  const TokenizerDefinition definition = trained("ab", 1000);
  EXPECT_EQ(definition.vocabulary.size(), 258U);
  EXPECT_EQ(definition.vocabulary.back().first, "ab");
}

TEST(Trainer, SpecialTokensAreNamedOnce) {
  TrainerOptions options;
  options.vocabulary = 300;
  options.special_tokens = {"<a>", "<b>", "<a>"};
  const TokenizerDefinition definition = train_bpe(texts({kSample}), options).definition;
  ASSERT_EQ(definition.added_tokens.size(), 2U);
  EXPECT_EQ(definition.added_tokens[1].id, 1U);
  options.special_tokens = {""};
  EXPECT_THROW(train_bpe(texts({kSample}), options), base::InputError);
}

TEST(Trainer, ErrorsOfTheSourceArrive) {
  TrainerOptions options;
  options.vocabulary = 300;
  options.threads = 3;
  const TextSource broken = [](std::string&) -> bool { throw base::InputError("line 3 is no JSON"); };
  EXPECT_THROW(train_bpe(broken, options), base::InputError);
}

TEST(ByteLevel, SpellingIsReversible) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(read_spelling(spell_bytes(bytes)), bytes);
  EXPECT_EQ(spell_bytes(" a\n"),
            "\xC4\xA0"
            "a\xC4\x8A");
  EXPECT_EQ(read_spelling("a b"), std::nullopt);
}

}  // namespace
}  // namespace trireme::text
