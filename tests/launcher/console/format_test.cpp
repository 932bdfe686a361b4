#include "launcher/console/format.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "base/display_width.hpp"

namespace trireme::launcher {
namespace {

TEST(FormatDuration, ChoosesReadableUnits) {
  EXPECT_EQ(format_duration(0.85), "850 ms");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(192), "3m 12s");
  EXPECT_EQ(format_duration(7500), "2h 05m");
  EXPECT_EQ(format_duration(100800), "1d 04h");
}

TEST(FormatCount, KeepsThreeDigits) {
  EXPECT_EQ(format_count(950), "950");
  EXPECT_EQ(format_count(12345), "12.3k");
  EXPECT_EQ(format_count(4.56e6), "4.56M");
}

TEST(FormatBytes, KeepsThreeDigits) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1.5e6), "1.50 MB");
  EXPECT_EQ(format_bytes(27.3e9), "27.3 GB");
}

TEST(FormatDeviceHours, HaveTheirUnit) {
  EXPECT_EQ(format_device_hours(12.5, true), "12.50 GPU h");
  EXPECT_EQ(format_device_hours(0, false), "0.00 CPU h");
}

TEST(WithCommas, GroupsByThousands) {
  EXPECT_EQ(with_commas(12), "12");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
}

TEST(FormatTable, AlignsByWhatATerminalShows) {
  EXPECT_EQ(format_table({{"n", "layout", "state"}, {"10", "tp2\u00b7pp2", "done"}}, {.right = {0}}),
            " n  layout   state\n10  tp2\u00b7pp2  done\n");
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, base::display_width(line));
  return widest;
}

const std::vector<std::vector<std::string>> kRuns = {
    {"run", "state", "job", "attempt", "step", "time left", "note"},
    {"llama-1b-shakespeare-lr3e-4-warmup2000", "requeued", "1234567", "12", "123456/500000", "12d 04h",
     "preempted; waits for its nodes to be free again, 3 jobs are before it"},
    {"\u8056\u66f8", "done", "7", "1", "10/10", "-", ""}};
const TableShape kShape = {.right = {3, 4, 5}, .spare = {3, 2, 5, 4}};

TEST(FormatTable, FitsTheWindow) {
  const std::size_t natural = widest_line(format_table(kRuns, kShape, 1000));
  EXPECT_GT(natural, 150U);
  for (std::size_t width = 20; width <= 200; ++width) {
    const std::string table = format_table(kRuns, kShape, width);
    const std::string without_last = table.substr(0, table.find("(a wider"));
    EXPECT_LE(widest_line(without_last), width) << table;
  }
}

TEST(FormatTable, WrapsTheLastColumnAndCutsTextsInTheirMiddles) {
  EXPECT_EQ(format_table({{"run", "note"}, {"a-long-name-of-a-run", "it waits for nodes"}}, {}, 26),
            "run           note\na-l\u2026of-a-run  it waits for\n              nodes\n");
}

TEST(FormatTable, NamesTheColumnsThatItLeavesOut) {
  EXPECT_THAT(format_table(kRuns, kShape, 80), testing::HasSubstr("(a wider window also shows: job, attempt"));
  EXPECT_THAT(format_table(kRuns, kShape, 300), testing::Not(testing::HasSubstr("wider window")));
}

}  // namespace
}  // namespace trireme::launcher
