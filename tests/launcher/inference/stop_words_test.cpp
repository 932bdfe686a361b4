#include "launcher/inference/stop_words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/random.hpp"

namespace trireme::launcher {
namespace {

std::string shown(StopWords& words, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += words.push(piece);
  return text + words.finish();
}

TEST(StopWords, AWordOverSeveralPiecesEndsTheTextBeforeIt) {
  StopWords words({"\nUser:"});
  EXPECT_EQ(words.push("Hello\nUs"), "Hello");
  EXPECT_EQ(words.push("er"), "");
  EXPECT_FALSE(words.found());
  EXPECT_EQ(words.push(": and"), "");
  EXPECT_TRUE(words.found());
  EXPECT_EQ(words.push("more"), "");
  EXPECT_EQ(words.finish(), "");
}

TEST(StopWords, WhatWasHeldBackForNothingIsShown) {
  StopWords words({"abcd"});
  EXPECT_EQ(words.push("xab"), "x");
  EXPECT_EQ(words.push("y"), "aby");
  EXPECT_EQ(words.push("abc"), "");
  EXPECT_EQ(words.finish(), "abc");
  EXPECT_FALSE(words.found());
}

TEST(StopWords, TheWordThatBeginsFirstCounts) {
  StopWords open({"ab", "xabc"});
  EXPECT_EQ(open.push("1xab"), "1");
  EXPECT_FALSE(open.found());  // the second word may still be complete
  EXPECT_EQ(open.push("c"), "");
  EXPECT_TRUE(open.found());
  StopWords other({"ab", "xabc"});
  EXPECT_EQ(shown(other, {"1xab", "d"}), "1x");
  StopWords at_the_end({"ab", "xabc"});
  EXPECT_EQ(shown(at_the_end, {"1xab"}), "1x");
  EXPECT_TRUE(at_the_end.found());
}

TEST(StopWords, RandomTextsInRandomPiecesEndAtTheFirstWord) {
  std::mt19937 random = tests::seeded_random(8);
  const auto word_of = [&](std::size_t most) {
    std::string word(1 + random() % most, ' ');
    for (char& c : word) c = static_cast<char>('a' + random() % 3);
    return word;
  };
  int ended = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> words(random() % 4), pieces(random() % 8);
    std::string text;
    for (std::string& word : words) word = word_of(5);
    for (std::string& piece : pieces) text += piece = word_of(4);
    std::size_t first = std::string::npos;
    for (const std::string& word : words) first = std::min(first, text.find(word));
    StopWords stop(words);
    EXPECT_EQ(shown(stop, pieces), text.substr(0, first)) << text;
    EXPECT_EQ(stop.found(), first != std::string::npos);
    ended += stop.found();
  }
  EXPECT_GT(ended, 1000);
  EXPECT_LT(ended, 2500);
}

}  // namespace
}  // namespace trireme::launcher
