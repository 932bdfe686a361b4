#include "launcher/report/curve.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/json.hpp"

namespace trireme::launcher {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(Curve, KeepsEveryValueWhileThereIsRoom) {
  Curve curve(100);
  for (int step = 1; step <= 100; ++step) curve.add(step, 1.0 / step);
  const auto points = curve.points();
  ASSERT_EQ(points.size(), 100U);
  EXPECT_EQ(points[9], (CurvePoint{10, 0.1}));
  EXPECT_EQ(curve.values_per_bucket(), 1U);
}

TEST(Curve, KeepsTheExtremesOfEachBucketAndBothEnds) {
  std::mt19937 dice(7);
  std::vector<double> values;
  Curve curve(200);
  for (int step = 1; step <= 10007; ++step) {
    values.push_back(std::normal_distribution<>(3, 1)(dice));
    curve.add(step, values.back());
  }
  const std::size_t width = curve.values_per_bucket();
  const auto points = curve.points();
  EXPECT_EQ(width, 64U);  // 10007 values in at most 200 buckets
  EXPECT_LE(points.size(), 2 * 200U + 2);
  for (const CurvePoint& point : points) EXPECT_EQ(point.value, values.at(static_cast<std::size_t>(point.step - 1)));
  const auto has = [&](std::size_t step) {
    return std::ranges::any_of(points, [&](const CurvePoint& p) { return p.step == static_cast<std::int64_t>(step); });
  };
  for (std::size_t begin = 0; begin < values.size(); begin += width) {
    const auto end = values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), begin + width));
    const auto [low, high] = std::minmax_element(values.begin() + static_cast<std::ptrdiff_t>(begin), end);
    EXPECT_TRUE(has(static_cast<std::size_t>(low - values.begin()) + 1)) << begin;
    EXPECT_TRUE(has(static_cast<std::size_t>(high - values.begin()) + 1)) << begin;
  }
  EXPECT_TRUE(has(1) && has(values.size()));
  EXPECT_TRUE(std::ranges::is_sorted(points, std::less<>(), &CurvePoint::step));
  EXPECT_EQ(curve.count(), values.size());
  EXPECT_EQ(curve.smallest()->value, *std::ranges::min_element(values));
  EXPECT_EQ(curve.largest()->value, *std::ranges::max_element(values));
  double sum = 0;
  const auto means = curve.means();
  for (std::size_t i = 0; i < width; ++i) sum += values[i];
  EXPECT_NEAR(means.front().value, sum / static_cast<double>(width), 1e-12);
}

TEST(Curve, GoesBackWithTheRun) {
  Curve curve(1000);
  for (int step = 1; step <= 100; ++step) curve.add(step, 1.0);
  for (int step = 81; step <= 90; ++step) curve.add(step, 2.0);
  const auto points = curve.points();
  ASSERT_EQ(points.size(), 90U);
  EXPECT_EQ(points[79], (CurvePoint{80, 1.0}));
  EXPECT_EQ(points[80], (CurvePoint{81, 2.0}));
  EXPECT_EQ(*curve.last(), (CurvePoint{90, 2.0}));
}

TEST(Curve, GoesBackIntoABucketOfSeveralValues) {
  Curve curve(4);
  for (int step = 1; step <= 16; ++step) curve.add(step, step == 6 ? 100.0 : step);  // 4 buckets of 4
  curve.add(7, 0.5);
  for (const CurvePoint& point : curve.points()) EXPECT_LE(point.step, 7);
  EXPECT_EQ(*curve.last(), (CurvePoint{7, 0.5}));
  EXPECT_EQ(*curve.largest(), (CurvePoint{6, 100.0}));
  curve.add(1, 3.0);
  EXPECT_EQ(curve.points(), (std::vector<CurvePoint>{{1, 3.0}}));
}

TEST(Curve, ShowsWhatIsNoNumberAsAGap) {
  Curve curve(10);
  curve.add(1, 1.0);
  curve.add(2, kNone);
  curve.add(3, std::numeric_limits<double>::infinity());
  curve.add(4, 2.0);
  std::string json;
  append_curve(curve, json);
  const auto read = base::Json::parse(json);
  EXPECT_EQ(read.at("steps"), base::Json({1, 1, 1, 1}));
  EXPECT_EQ(read.at("values").dump(), "[1,null,null,2]");
  EXPECT_EQ(read.at("gaps"), 2);
  EXPECT_EQ(read.at("count"), 2);
  EXPECT_EQ(curve.means().size(), 4U);
}

TEST(Curve, ABucketWithoutANumberIsAGapOfTheMeans) {
  Curve curve(4);
  for (int step = 1; step <= 16; ++step) curve.add(step, step > 4 && step <= 12 ? kNone : 1.0);
  const auto means = curve.means();  // 4 buckets of 4
  ASSERT_EQ(means.size(), 4U);
  EXPECT_TRUE(means[0].value == 1.0 && std::isnan(means[1].value) && std::isnan(means[2].value));
  EXPECT_EQ(means[3].value, 1.0);
}

TEST(Curve, TellsSinceWhenNothingIsFinite) {
  for (const std::size_t room : {4U, 100U}) {
    Curve curve(room);
    for (int step = 1; step <= 64; ++step) {
      const bool finite = step != 3 && step != 32 && step < 38;
      curve.add(step, finite ? 1.0 : kNone);
      if (finite) {
        EXPECT_FALSE(curve.gap_since()) << step;
      }
    }
    EXPECT_EQ(curve.gap_since(), 38);
    EXPECT_EQ(curve.last()->step, 37);
    curve.add(65, 2.0);
    EXPECT_FALSE(curve.gap_since());
  }
  Curve never(10);
  EXPECT_FALSE(never.gap_since());
  never.add(5, kNone);
  never.add(6, kNone);
  EXPECT_EQ(never.gap_since(), 5);
}

TEST(Curve, WithoutANumberHasNoEnds) {
  Curve curve(10);
  EXPECT_FALSE(curve.first() || curve.last() || curve.smallest() || curve.largest());
  curve.add(1, kNone);
  EXPECT_FALSE(curve.first() || curve.last());
  EXPECT_EQ(curve.points().size(), 1U);
}

TEST(Curve, WritesTheEndsWithAllDigits) {
  Curve curve(10);
  curve.add(7, 0.1234567890123456);
  std::string json;
  append_curve(curve, json);
  const auto read = base::Json::parse(json);
  EXPECT_EQ(read.at("last").at(1).get<double>(), 0.1234567890123456);
  EXPECT_NEAR(read.at("values").at(0).get<double>(), 0.1234568, 1e-12);
}

}  // namespace
}  // namespace trireme::launcher
