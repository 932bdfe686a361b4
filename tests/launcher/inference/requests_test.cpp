#include "launcher/inference/requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/launcher/inference/small_tokenizer.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RequestsTest : public testing::Test {
 protected:
  std::string write(const std::string& content) {
    files_.replace(directory_.path() / "in.jsonl", content);
    return (directory_.path() / "in.jsonl").string();
  }
  template <typename Read>
  std::string refusal(const Read& read) {
    try {
      read();
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  std::vector<ChoiceRequest> choices(const std::string& content) {
    return read_choice_requests(files_, write(content), encoder_);
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  text::Tokenizer tokenizer_ = tests::small_tokenizer();
  PairEncoder encoder_{tokenizer_, true, tokenizer_.end_of_text(), 8};
};

TEST_F(RequestsTest, LogprobLinesKeepIdsAndOrder) {
  const auto requests =
      read_logprob_requests(files_,
                            write("{\"id\": {\"q\": 1}, \"context\": \"xy\", \"continuation\": \" bc\"}\n\n"
                                  "{\"context\": \"\", \"continuation\": \"x\"}\n"),
                            encoder_);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].pair.first, 2U);
  EXPECT_THAT(requests[1].place, HasSubstr("in.jsonl:3"));
  const PairScore score{{-0.5, -1.25}, true};
  EXPECT_EQ(logprob_line(requests[0], score, false), R"({"id":{"q": 1},"logprob":-1.75,"tokens":2,"greedy":true})");
  EXPECT_EQ(logprob_line(requests[1], score, true),
            R"({"logprob":-1.75,"tokens":2,"greedy":true,"token_logprobs":[-0.5,-1.25]})");
}

TEST_F(RequestsTest, AWrongLineIsNamed) {
  const auto of = [&](const std::string& content) {
    return refusal([&] { read_logprob_requests(files_, write(content), encoder_); });
  };
  EXPECT_THAT(of(""), HasSubstr("in.jsonl holds no lines"));
  EXPECT_THAT(of("{\"context\": \"x\"}"), HasSubstr("in.jsonl:1: there is no member \"continuation\""));
  EXPECT_THAT(of("{\"context\": \"x\", \"continuation\": \"\"}"), HasSubstr("in.jsonl:1: the continuation is empty"));
  EXPECT_THAT(of("{\"context\": \"x\", \"continuation\": \"xyzxyzxyz\"}"), HasSubstr("the model sees 8"));
}

TEST_F(RequestsTest, ChoicesHaveAnAnswerAmongThem) {
  const auto requests = choices(R"({"context": "x", "choices": ["a", "\u00e9\u00e9"], "answer": 1, "id": "q"})");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].pairs.size(), 2U);
  const std::vector<PairScore> scores = {{{-2}, false}, {{-1, -1, -1, -1}, false}};
  EXPECT_EQ(
      choice_line(requests[0], scores, false),
      R"({"id":"q","logprobs":[-2.0,-4.0],"tokens":[1,4],"choice":0,"choice_norm":0,"choice_bytes":1,"answer":1})");
  const auto of = [&](const std::string& content) { return refusal([&] { choices(content); }); };
  EXPECT_THAT(of(R"({"context": "x", "choices": ["a"], "answer": 1})"),
              HasSubstr("in.jsonl:1: \"answer\" is 1, and there are 1 choices, counted from 0"));
  EXPECT_THAT(of(R"({"context": "x", "choices": [], "answer": 0})"), HasSubstr("\"choices\" is empty"));
  EXPECT_THAT(of(R"({"context": "x", "choices": ["a", ""], "answer": 0})"),
              HasSubstr("in.jsonl:1: choice 1: the continuation is empty"));
}

TEST_F(RequestsTest, TextsBecomeVectors) {
  const auto requests = read_text_requests(
      files_, write("{\"text\": \"xy\", \"id\": 7}\n{\"text\": \"x\", \"pair\": \"bc\"}"), tokenizer_, true, 8);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_THAT(requests[1].text.types, ElementsAre(0, 1));
  EXPECT_EQ(embedding_line(requests[0], {0.5F, -1}), R"({"id":7,"tokens":2,"embedding":[0.5,-1]})");
  EXPECT_EQ(hidden_line(requests[1], {1, 2, 3, 4}), R"({"tokens":2,"hidden":[[1,2],[3,4]]})");
}

}  // namespace
}  // namespace trireme::launcher
