#include "base/error.hpp"

#include <gtest/gtest.h>

#include <new>
#include <system_error>
#include <vector>

namespace trireme::base {
namespace {

TEST(ExitCode, TellsBadInputFromFailure) {
  EXPECT_EQ(exit_code(InputError("x")), 2);
  EXPECT_EQ(exit_code(Error("x")), 1);
  EXPECT_EQ(exit_code(std::runtime_error("x")), 1);
}

TEST(FailureText, IsOneSentenceWithoutTheBacktracesOfLibraries) {
  EXPECT_EQ(failure_text(Error("a: b\nc")), "a: b\nc");
  EXPECT_EQ(failure_text(std::runtime_error("bad shape\nException raised from f at g.cpp:1 (most recent call first):\n"
                                            "frame #0: f")),
            "bad shape");
  EXPECT_EQ(failure_text(std::runtime_error("bad shape:\nexpected 2")), "bad shape: expected 2");
  EXPECT_EQ(failure_text(std::runtime_error("bad\nframe #0: c10::Throw\nframe #1: main\n\n")), "bad");
}

TEST(FailureText, SaysWhatToDoWithoutMemory) {
  const std::runtime_error torch(
      "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
      "634675200 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10::ThrowEnforceNotMet\n");
  EXPECT_EQ(failure_text(torch).find("out of memory: no 634675200 more bytes to be had; take more ranks"), 0u);
  EXPECT_NE(failure_text(torch).find("train.micro_batch"), std::string::npos);
  // Commands that know nothing of batches meet these.
  for (const std::string& text : {failure_text(std::bad_alloc()), failure_text(std::length_error("basic_string"))}) {
    EXPECT_EQ(text.find("out of memory: end other programs"), 0u) << text;
    EXPECT_EQ(text.find("micro_batch"), std::string::npos) << text;
  }
  EXPECT_EQ(failure_text(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again)))
                .find("cannot start a thread ("),
            0u);
}

TEST(Nearest, NamesTheClosestWordOrNone) {
  const std::vector<std::string> words = {"micro_batch", "global_batch", "steps"};
  EXPECT_EQ(nearest("microbatch", words), "micro_batch");
  EXPECT_EQ(nearest("step", words), "steps");
  EXPECT_EQ(nearest("precision", words), "");
}

}  // namespace
}  // namespace trireme::base
