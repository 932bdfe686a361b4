#include "launcher/console/plot_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

PlottedCurve line(const std::string& run, std::size_t number, std::vector<double> y) {
  PlottedCurve curve{run, "loss", {}, {}, false, number};
  for (std::size_t i = 0; i < y.size(); ++i) curve.x.push_back(static_cast<double>(10 * i));
  curve.y = std::move(y);
  return curve;
}

TEST(PlotPage, TheTableHasTheNewestAndTheLowestValue) {
  const std::string text = plot_page({line("bible", 0, {3, 1.25, 2})}, {.metric = "loss"});
  EXPECT_THAT(text, HasSubstr("loss over steps\n"));
  EXPECT_THAT(text, HasSubstr("run    metric  last  lowest  at step  values\n"
                              "bible  loss       2    1.25       10       3\n"));
}

TEST(PlotPage, WithoutColoursEachRunHasAPanelOnTheSameAxes) {
  const std::string text =
      plot_page({line("low", 0, {1, 1}), line("high", 1, {5, 5})}, {.metric = "loss", .columns = 40, .rows = 3});
  EXPECT_THAT(text, HasSubstr("low\n4 ┤\n  │\n2 ┤"));
  EXPECT_THAT(text, HasSubstr("high\n4 ┤⠉"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(PlotPage, WithColoursAllRunsShareAPanel) {
  const std::string text = plot_page({line("low", 0, {1, 1}), line("high", 1, {5, 5})},
                                     {.metric = "loss", .colours = true, .columns = 40, .rows = 3});
  EXPECT_THAT(text, Not(HasSubstr("\nlow\n")));
  EXPECT_THAT(text, HasSubstr("\033[38;5;172mhigh"));
}

TEST(PlotPage, NamesCannotWriteToTheTerminal) {
  const std::string text =
      plot_page({line("a\033[2J\nb", 0, {1}), line("\u202e", 1, {2})}, {.metric = "loss\033]0;x\a", .colours = true});
  EXPECT_THAT(text, Not(HasSubstr("\033[2J")));
  EXPECT_THAT(text, Not(HasSubstr("\033]")));
  EXPECT_THAT(text, HasSubstr("a\\x1B[2J\\x0Ab"));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
}

TEST(PlotPage, ValuesThatAreNotFiniteAreCounted) {
  const std::string text = plot_page({line("bible", 0, {1, std::nan(""), std::nan("")})}, {.metric = "loss"});
  EXPECT_THAT(text, HasSubstr("not finite"));
  EXPECT_THAT(text, HasSubstr("gaps\n"));
  EXPECT_THROW(plot_page({line("bible", 0, {std::nan("")})}, {.metric = "loss"}), base::InputError);
  EXPECT_THROW(plot_page({line("bible", 0, {-1})}, {.metric = "loss", .log_y = true}), base::InputError);
}

}  // namespace
}  // namespace trireme::launcher
