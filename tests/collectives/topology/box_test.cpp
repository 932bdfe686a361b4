#include "collectives/topology/box.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/error.hpp"

namespace trireme::topology {
namespace {

/// Flat indices, in order, of a box's elements in its tensor: the slow, obvious way.
std::vector<std::int64_t> indices_of(const Shape& shape, const Box& box) {
  std::vector<std::int64_t> found;
  for (std::int64_t flat = 0; flat < elements_of(shape); ++flat) {
    std::int64_t rest = flat;
    bool inside = true;
    for (std::size_t d = shape.size(); d-- > 0;) {
      const std::int64_t index = rest % shape[d];
      rest /= shape[d];
      inside = inside && index >= box.offset[d] && index < box.offset[d] + box.size[d];
    }
    if (inside) found.push_back(flat);
  }
  return found;
}

TEST(Box, RangeOfAMatrixIsPartRowFullRowsPartRow) {
  const auto boxes = boxes_of_range({3, 4}, 2, 7);
  EXPECT_THAT(boxes, testing::ElementsAre(Box{{0, 2}, {1, 2}}, Box{{1, 0}, {1, 4}}, Box{{2, 0}, {1, 1}}));
}

TEST(Box, EveryRangeIsCoveredOnceAndInOrder) {
  for (const Shape& shape : {Shape{7}, Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 1, 3, 2}, Shape{1, 5}}) {
    for (std::int64_t first = 0; first <= elements_of(shape); ++first) {
      for (std::int64_t count = 0; first + count <= elements_of(shape); ++count) {
        std::vector<std::int64_t> covered;
        const auto boxes = boxes_of_range(shape, first, count);
        for (const Box& box : boxes) {
          EXPECT_FALSE(box.empty());
          const auto indices = indices_of(shape, box);
          covered.insert(covered.end(), indices.begin(), indices.end());
        }
        std::vector<std::int64_t> expected(static_cast<std::size_t>(count));
        std::iota(expected.begin(), expected.end(), first);
        ASSERT_EQ(covered, expected);
        ASSERT_LE(boxes.size(), 2 * shape.size() - 1);
      }
    }
  }
}

TEST(Box, ElementsAreCountedRowByRow) {
  const Box box{{2, 10}, {3, 4}};
  EXPECT_EQ(index_in(box, {2, 10}), 0);
  EXPECT_EQ(index_in(box, {3, 12}), 6);
  EXPECT_EQ(index_in(box, {4, 13}), box.elements() - 1);
  EXPECT_EQ(index_in({}, {}), 0);
}

TEST(Box, AScalarIsOneElement) {
  EXPECT_EQ(whole({}).elements(), 1);
  EXPECT_THAT(boxes_of_range({}, 0, 1), testing::ElementsAre(Box{}));
  const double value = 2.5;
  double copy = 0;
  copy_box(whole({}), whole({}), &value, whole({}), &copy, sizeof(double));
  EXPECT_EQ(copy, 2.5);
}

TEST(Box, RangeOutsideTheTensorIsAnError) {
  EXPECT_THROW(boxes_of_range({3, 4}, 10, 3), base::Error);
  EXPECT_THROW(boxes_of_range({3, 4}, -1, 3), base::Error);
}

TEST(Box, IntersectionIsTheCommonPartOrNothing) {
  EXPECT_EQ(intersect({{0, 0}, {4, 8}}, {{2, 6}, {4, 4}}), (Box{{2, 6}, {2, 2}}));
  EXPECT_EQ(intersect({{0, 0}, {4, 8}}, {{4, 0}, {1, 8}}), std::nullopt);
  EXPECT_THROW(intersect({{0}, {4}}, {{0, 0}, {1, 8}}), base::Error);
}

TEST(Box, CopyMovesExactlyThePart) {
  const Shape shape{4, 5, 3};
  const Box from{{1, 0, 0}, {3, 5, 3}};
  const Box to{{0, 1, 0}, {4, 3, 3}};
  std::vector<std::int64_t> source = indices_of(shape, from);  // every element holds its own flat index
  for (const Box& part : {Box{{1, 1, 0}, {3, 3, 3}}, Box{{2, 1, 1}, {1, 2, 1}}, Box{{1, 2, 0}, {3, 1, 3}}}) {
    std::vector<std::int64_t> result(static_cast<std::size_t>(to.elements()), -1);
    copy_box(part, from, source.data(), to, result.data(), sizeof(std::int64_t));
    const auto held = indices_of(shape, to);
    const auto wanted = indices_of(shape, part);
    for (std::size_t i = 0; i < held.size(); ++i) {
      const bool inside = std::find(wanted.begin(), wanted.end(), held[i]) != wanted.end();
      EXPECT_EQ(result[i], inside ? held[i] : -1);
    }
  }
}

TEST(Box, CopyOutsideAHolderIsAnError) {
  std::vector<float> buffer(8);
  EXPECT_THROW(copy_box({{0}, {5}}, {{0}, {4}}, buffer.data(), {{0}, {8}}, buffer.data(), 4), base::Error);
}

TEST(Box, TextShowsHalfOpenRanges) { EXPECT_EQ(to_string(Box{{0, 8}, {4, 8}}), "[0:4, 8:16]"); }

}  // namespace
}  // namespace trireme::topology
