#include "launcher/console/curve_plot.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "base/display_width.hpp"
#include "tests/support/random.hpp"

namespace trireme::launcher {
namespace {

const double kNan = std::nan("");

double uniform(std::mt19937& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

Curve curve(std::vector<double> y) {
  Curve made;
  for (std::size_t i = 0; i < y.size(); ++i) made.x.push_back(static_cast<double>(i));
  made.y = std::move(y);
  return made;
}

std::string drawn(const std::vector<Curve>& curves, const PlotShape& shape) {
  return draw_curves(curves, ranges_of(curves, shape.log_y).value(), shape);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    lines.push_back(text.substr(begin, text.find('\n', begin) - begin));
  }
  return lines;
}

// The picture's characters behind the axis, without the lines below it: a cell each.
std::vector<std::vector<std::string>> picture(const std::string& text, std::size_t rows) {
  std::vector<std::vector<std::string>> cells;
  const std::vector<std::string> lines = lines_of(text);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t axis = std::max(lines[row].find("│") + 1, lines[row].find("┤") + 1);
    std::vector<std::string> found;
    for (std::size_t i = axis + 2; i < lines[row].size();) {
      const std::size_t length = (lines[row][i] & 0x80) == 0 ? 1 : 3;
      found.push_back(lines[row].substr(i, length));
      i += length;
    }
    cells.push_back(found);
  }
  return cells;
}

TEST(CurvePlot, ASmallOneIsDrawnAsExpected) {
  const PlotShape shape{.columns = 20, .rows = 4};
  EXPECT_EQ(drawn({curve({0, 1, 2, 3, 4, 5, 6, 7, 8})}, shape),
            "  │             ⣀⠤⠒⠉\n"
            "5 ┤        ⣀⡠⠤⠒⠉\n"
            "  │   ⢀⡠⠔⠒⠉\n"
            "0 ┤⡠⠔⠊⠁\n"
            "  └┬─────────┬──────\n"
            "   0         5\n");
}

TEST(CurvePlot, AGapIsNotBridged) {
  const PlotShape shape{.columns = 20, .rows = 2};
  const auto cells = picture(drawn({curve({0, 0, 0, kNan, 1, 1, 1})}, shape), 2);
  EXPECT_EQ(cells[0].front(), " ");
  const auto& row = cells[1];
  EXPECT_EQ(row.size(), 6u) << "the first third, and nothing after it";
  const auto through = picture(drawn({curve({0, 0, 0, 1, 1, 1})}, shape), 2);
  EXPECT_GT(through[1].size(), 6u);
}

// 100,000 points in 2 x 60 columns of dots: single values among them that are far off must be seen.
TEST(CurvePlot, NoExtremeIsLost) {
  std::mt19937 random = tests::seeded_random(1);
  std::vector<double> values;
  for (int i = 0; i < 100000; ++i) values.push_back(5 + 0.1 * uniform(random));
  values[12345] = 10;
  values[77777] = 0;
  const PlotShape shape{.columns = 64, .rows = 10};
  const auto cells = picture(drawn({curve(values)}, shape), 10);
  EXPECT_EQ(cells.front().size(), 1 + static_cast<std::size_t>(std::llround(12345.0 / 99999 * 119)) / 2)
      << "the highest value stands alone in the top row";
  const std::size_t lowest = static_cast<std::size_t>(std::llround(77777.0 / 99999 * 119)) / 2;
  ASSERT_EQ(cells.back().size(), lowest + 1);
  for (std::size_t i = 0; i < lowest; ++i) EXPECT_EQ(cells.back()[i], " ");
}

TEST(CurvePlot, LabelsDoNotOverlapAndLinesFit) {
  std::mt19937 random = tests::seeded_random(2);
  for (int i = 0; i < 300; ++i) {
    Curve some;
    const double x_size = std::pow(10.0, 16 * uniform(random) - 4), y_size = std::pow(10.0, 20 * uniform(random) - 10);
    for (int point = 0; point < 50; ++point) {
      some.x.push_back(x_size * (point + uniform(random)));
      some.y.push_back(y_size * uniform(random));
    }
    const PlotShape shape{.columns = 24 + static_cast<std::size_t>(uniform(random) * 100),
                          .rows = 1 + static_cast<std::size_t>(uniform(random) * 20),
                          .log_y = uniform(random) < 0.3};
    const std::vector<std::string> lines = lines_of(drawn({some}, shape));
    ASSERT_EQ(lines.size(), shape.rows + 2);
    for (const std::string& line : lines) {
      ASSERT_LE(base::display_width(line), shape.columns) << line;
      ASSERT_TRUE(line.empty() || line.back() != ' ') << "'" << line << "'";
    }
    std::size_t ticks = 0, labels = 0;
    const std::string& axis = lines[shape.rows];
    for (std::size_t at = axis.find("┬"); at != std::string::npos; at = axis.find("┬", at + 1)) ++ticks;
    const std::string below = " " + lines.back();
    for (std::size_t at = 1; at < below.size(); ++at) labels += below[at] != ' ' && below[at - 1] == ' ' ? 1 : 0;
    ASSERT_EQ(labels, ticks) << lines.back() << "\n" << axis;
    ASSERT_GE(labels, 1u) << axis;
  }
}

TEST(CurvePlot, AnAxisOfLogarithmsLeavesOutWhatHasNone) {
  const PlotShape shape{.columns = 20, .rows = 4, .log_y = true};
  const auto ranges = ranges_of({curve({-1, 0, 1, 10, 100, kNan})}, true);
  ASSERT_TRUE(ranges);
  EXPECT_EQ(ranges->y.low, 1);
  EXPECT_EQ(ranges->y.high, 100);
  EXPECT_EQ(ranges->x.low, 2) << "the axis begins where something is drawn";
  EXPECT_FALSE(ranges_of({curve({-1, 0, kNan})}, true));
  const std::vector<std::string> lines = lines_of(drawn({curve({1, 10, 100})}, shape));
  EXPECT_EQ(lines[0].substr(0, 3), "100");
  EXPECT_EQ(lines[3].substr(0, 3), "  1");
}

TEST(CurvePlot, SingleAndExtremeValuesHaveAnAxis) {
  const PlotShape shape{.columns = 30, .rows = 3};
  for (const double value : {0.0, 2.5, -3.0, 1.7e308, -1.7e308, 5e-324}) {
    EXPECT_EQ(lines_of(drawn({curve({value})}, shape)).size(), 5u) << value;
    EXPECT_EQ(lines_of(drawn({curve({value, value, -value})}, shape)).size(), 5u) << value;
  }
  EXPECT_EQ(lines_of(drawn({curve({1.7e308})}, {.columns = 30, .rows = 3, .log_y = true})).size(), 5u);
  for (const double value : {1.7e308, 2.5, 5e-324}) {
    const PlotRanges ranges = ranges_of({curve({value})}, true).value();
    EXPECT_GT(ranges.y.low, 0);
    EXPECT_LE(ranges.y.low, value);
    EXPECT_GE(ranges.y.high, value);
    EXPECT_LT(ranges.y.low, ranges.y.high);
  }
  EXPECT_FALSE(ranges_of({curve({kNan, INFINITY})}, false));
  EXPECT_FALSE(ranges_of({}, false));
}

TEST(CurvePlot, MarksStandApart) {
  Curve marks = curve(std::vector<double>(1000, 1.0));
  marks.marks = true;
  const auto cells = picture(drawn({marks}, {.columns = 40, .rows = 1}), 1);
  std::size_t count = 0;
  for (const std::string& cell : cells.front()) count += cell == "o" ? 1 : 0;
  EXPECT_EQ(cells.front().back(), "o") << "the newest is there";
  EXPECT_LE(count, 10u);
  EXPECT_GE(count, 8u);
}

TEST(CurvePlot, ColoursBeginAndEndAroundWhatIsDrawn) {
  Curve low = curve({1, 1}), high = curve({2, 2});
  high.owner = 1;
  const std::string text = drawn({low, high}, {.columns = 20, .rows = 2, .colours = true});
  const std::vector<std::string> lines = lines_of(text);
  EXPECT_NE(lines[0].find(coloured("", 1)), std::string::npos);
  EXPECT_NE(lines[1].find(coloured("", 0)), std::string::npos);
  EXPECT_EQ(lines[0].substr(lines[0].size() - 4), "\033[0m");
  EXPECT_EQ(lines[2].find('\033'), std::string::npos);
}

TEST(Smoothed, IsTheMeanOfTheFiniteValuesAround) {
  EXPECT_EQ(smoothed({1, 2, 3, 4, 50}, 3), (std::vector<double>{1.5, 2, 3, 19, 27}));
  EXPECT_EQ(smoothed({1, 2, 3, 4}, 1), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(smoothed({}, 5), std::vector<double>{});
  std::mt19937 random = tests::seeded_random(3);
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) values.push_back(uniform(random) < 0.1 ? kNan : uniform(random));
  for (const std::size_t window : {2u, 3u, 10u, 77u, 499u, 500u, 501u, 5000u}) {
    const std::vector<double> means = smoothed(values, window);
    for (std::size_t i = 0; i < values.size(); ++i) {
      double sum = 0;
      int count = 0;
      for (std::size_t j = 0; j < values.size(); ++j) {
        if (j + window / 2 < i || j > i + (window - 1) / 2 || std::isnan(values[j])) continue;
        sum += values[j];
        ++count;
      }
      if (std::isnan(values[i])) {
        ASSERT_TRUE(std::isnan(means[i]));
      } else {
        ASSERT_NEAR(means[i], sum / count, 1e-12) << i << " of " << window;
      }
    }
  }
}

TEST(Smoothed, AHugeValueSpoilsOnlyItsNeighbours) {
  std::vector<double> values(100, 2.0);
  values[10] = 1e30;
  EXPECT_EQ(smoothed(values, 5)[50], 2.0);
}

}  // namespace
}  // namespace trireme::launcher
