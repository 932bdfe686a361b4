#include "launcher/console/progress.hpp"

#include <gtest/gtest.h>

#include "base/display_width.hpp"

namespace trireme::launcher {
namespace {

TEST(ProgressLine, ShrinksWithTheWindowAndIsNothingWhenThatIsTooNarrow) {
  const ProgressView view{"preparing", 0.21, "1m 12s", "3.2M tokens"};
  EXPECT_EQ(progress_line(view, 79), "preparing [#####...................] 21%, 1m 12s left, 3.2M tokens");
  EXPECT_EQ(progress_line(view, 60), "preparing [##........] 21%, 1m 12s left, 3.2M tokens");
  EXPECT_EQ(progress_line(view, 40), "preparing [##........] 21%, 1m 12s left");
  EXPECT_EQ(progress_line(view, 30), "preparing 21%, 1m 12s left");
  EXPECT_EQ(progress_line(view, 20), "preparing 21%");
  EXPECT_EQ(progress_line(view, 12), "");
  for (std::size_t width = 0; width < 200; ++width) {
    EXPECT_LE(base::display_width(progress_line({"\u8056\u66f8", 0.5, "1 s", "\u8056"}, width)), width);
  }
}

TEST(ProgressLine, WithoutAnEndSaysWhatIsDone) {
  EXPECT_EQ(progress_line({"reading", std::nullopt, "", "3 MB"}, 79), "reading 3 MB");
}

}  // namespace
}  // namespace trireme::launcher
