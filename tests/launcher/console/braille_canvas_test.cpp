#include "launcher/console/braille_canvas.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trireme::launcher {
namespace {

std::string text_of(const BrailleCanvas& canvas) {
  std::string text;
  for (std::size_t row = 0; row < canvas.height() / 4; ++row) {
    for (std::size_t column = 0; column < canvas.width() / 2; ++column) text += canvas.at(column, row).text;
    text += "\n";
  }
  return text;
}

TEST(BrailleCanvas, DotsLieAsUnicodeNumbersThem) {
  BrailleCanvas canvas(1, 1);
  const char* const expected[2][4] = {{"⡀", "⠄", "⠂", "⠁"}, {"⢀", "⠠", "⠐", "⠈"}};
  for (std::size_t x = 0; x < 2; ++x) {
    for (std::size_t y = 0; y < 4; ++y) {
      BrailleCanvas one(1, 1);
      one.dot(x, y);
      canvas.dot(x, y);
      EXPECT_EQ(one.at(0, 0).text, expected[x][y]) << x << " " << y;
    }
  }
  EXPECT_EQ(canvas.at(0, 0).text, "⣿");
}

TEST(BrailleCanvas, LinesRunBetweenTheirEnds) {
  BrailleCanvas canvas(4, 2);
  canvas.line(0, 0, 7, 7);
  EXPECT_EQ(text_of(canvas), "  ⡠⠊\n⡠⠊  \n");
  BrailleCanvas upright(4, 2);
  upright.line(3, 7, 3, 0);
  EXPECT_EQ(text_of(upright), " ⢸  \n ⢸  \n");
}

TEST(BrailleCanvas, TheLastOwnerHasACharacterAndLettersStandBeforeDots) {
  BrailleCanvas canvas(2, 1);
  canvas.dot(0, 0, 3);
  EXPECT_EQ(canvas.at(0, 0).owner, 3);
  canvas.dot(1, 0, 5);
  EXPECT_EQ(canvas.at(0, 0).owner, 5);
  canvas.mark(1, 1, 'o', 7);
  EXPECT_EQ(canvas.at(0, 0).text, "o");
  EXPECT_EQ(canvas.at(0, 0).owner, 7);
  EXPECT_EQ(canvas.at(1, 0).text, " ");
  EXPECT_EQ(canvas.at(1, 0).owner, BrailleCanvas::kNobody);
}

TEST(BrailleCanvas, WhatLiesOutsideIsLeftOut) {
  BrailleCanvas canvas(2, 2);
  canvas.dot(4, 0);
  canvas.dot(0, 8);
  canvas.mark(400, 800, 'o');
  canvas.line(3, 7, 100, 7);
  EXPECT_EQ(text_of(canvas), " ⠈\n  \n");
}

TEST(Sparkline, AveragesGroupsBetweenLowestAndHighest) {
  const double nan = std::nan("");
  EXPECT_EQ(sparkline({}, 16), "");
  EXPECT_EQ(sparkline({7}, 16), "▄");
  EXPECT_EQ(sparkline({2, 2, 2}, 16), "▄▄▄");
  EXPECT_EQ(sparkline({1, 2, 3, 4, 5, 6, 7, 8}, 16), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({8, 8, 1, 1}, 2), "█▁");
  EXPECT_EQ(sparkline({1, nan, 8}, 3), "▁ █");
  EXPECT_EQ(sparkline({1, nan, nan, nan, 8, 8}, 3), "▁ █");
  EXPECT_EQ(sparkline({nan, INFINITY}, 3), "  ");
  EXPECT_EQ(sparkline({-1.7e308, 1.7e308}, 2), "▁█");
  EXPECT_EQ(sparkline(std::vector<double>(256, 1.0), 16).size(), 16u * 3);
}

}  // namespace
}  // namespace trireme::launcher
