#include "base/status_line.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace trireme::base {
namespace {

// Each test draws in a process of its own: there is one status line in a process, and its end is for good.
template <typename Draw>
[[noreturn]] void draw_and_compare(const std::string& expected, Draw draw) {
  std::FILE* const stream = std::tmpfile();
  draw(stream);
  std::string drawn(256, '\0');
  std::rewind(stream);
  drawn.resize(std::fread(drawn.data(), 1, drawn.size(), stream));
  if (drawn != expected) std::fprintf(stderr, "drawn: %s", drawn.c_str());
  std::_Exit(drawn == expected ? 0 : 1);
}

const std::string kWipe = "\r\x1b[K";

TEST(StatusLine, IsWipedBeforeALineAndDrawnAgain) {
  const auto draw = [](std::FILE* stream) {
    draw_status(stream, "bar");
    write_lines(stream, "line\n");
    draw_status(stream, "bar");
    clear_status();
  };
  EXPECT_EXIT(draw_and_compare(kWipe + "bar" + kWipe + "line\n" + kWipe + "bar" + kWipe, draw),
              testing::ExitedWithCode(0), "");
}

TEST(StatusLine, IsNotDrawnAfterItsEndWhateverOtherThreadsDo) {
  const auto draw = [](std::FILE* stream) {
    draw_status(stream, "bar");
    end_status();
    draw_status(stream, "bar");
    write_lines(stream, "stopped\n");
    draw_status(stream, "bar");
  };
  EXPECT_EXIT(draw_and_compare(kWipe + "bar" + kWipe + "stopped\n", draw), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace trireme::base
