// What the kernel may give for one read or write: all, a part, an interruption, an error; every sequence of them.
#include "base/retry_io.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/fault_cases.hpp"

namespace trireme::base {
namespace {

/// One answer of the kernel: > 0 takes up to so many bytes, 0 none, < 0 fails with that errno negated.
using Answers = std::vector<int>;

/// Calls visit(answers) for every sequence of `length` answers.
template <typename Visit>
void for_each_sequence(std::size_t length, Visit&& visit) {
  const Answers choices = {1, 3, 100, 0, -EINTR, -EIO, -ENOSPC};
  std::size_t count = 1;
  for (std::size_t i = 0; i < length; ++i) count *= choices.size();
  for (std::size_t number = 0; number < count; ++number) {
    Answers answers;
    for (std::size_t i = 0, rest = number; i < length; ++i, rest /= choices.size()) {
      answers.push_back(choices[rest % choices.size()]);
    }
    visit(answers);
  }
}

std::string name_of(const char* loop, const Answers& answers) {
  std::string name = loop;
  for (const int answer : answers) name += " " + std::to_string(answer);
  return name;
}

/// A kernel that gives these answers in order and, when they are used up, takes everything.
struct Kernel {
  Answers answers;
  std::size_t calls = 0;

  /// How much of `length` the next call takes; -1 with errno.
  ssize_t next(std::size_t length) {
    const int answer = calls < answers.size() ? answers[calls] : 100;
    ++calls;
    if (answer >= 0) return static_cast<ssize_t>(std::min<std::size_t>(length, static_cast<std::size_t>(answer)));
    errno = -answer;
    return -1;
  }
};

/// The errno that ends the loop over `answers` for 5 bytes, 0 when it reaches `end` for reads or all for writes, and
/// how many bytes went before: the contract in other words.
struct Expected {
  int code = 0;
  std::size_t bytes = 0;
};
Expected expected(const Answers& answers, bool zero_is_end) {
  Expected e;
  for (const int answer : answers) {
    if (e.bytes == 5) return e;
    if (answer == -EINTR) continue;
    if (answer < 0) return {-answer, e.bytes};
    if (answer == 0) return {zero_is_end ? 0 : EIO, e.bytes};
    e.bytes = std::min<std::size_t>(5, e.bytes + static_cast<std::size_t>(answer));
  }
  return {0, 5};
}

TEST(RetryIo, EveryPatternOfPartialAndInterruptedWritesWritesAllOrFails) {
  for_each_sequence(3, [](const Answers& answers) {
    Kernel kernel{answers};
    std::string file(5, '.');
    const auto write = [&](const void* data, std::size_t length, std::uint64_t offset) {
      const ssize_t n = kernel.next(length);
      if (n > 0) std::memcpy(file.data() + offset - 10, data, static_cast<std::size_t>(n));
      return n;
    };
    const int result = write_fully(write, "abcde", 5, 10);
    const int code = errno;
    const Expected want = expected(answers, false);
    const std::string name = name_of("write", answers);
    tests::count_case(name);
    EXPECT_EQ(result, want.code == 0 ? 0 : -1) << name;
    if (want.code != 0) {
      EXPECT_EQ(code, want.code) << name;
    }
    EXPECT_EQ(file, std::string("abcde").substr(0, want.bytes) + std::string(5 - want.bytes, '.')) << name;
  });
}

TEST(RetryIo, EveryPatternOfPartialAndInterruptedReadsReadsToTheEndOrFails) {
  for_each_sequence(3, [](const Answers& answers) {
    Kernel kernel{answers};
    std::string got(5, '.');
    const auto read = [&](void* data, std::size_t length, std::uint64_t offset) {
      const ssize_t n = kernel.next(length);
      if (n > 0) std::memcpy(data, "abcde" + (offset - 10), static_cast<std::size_t>(n));
      return n;
    };
    const ssize_t result = read_fully(read, got.data(), 5, 10);
    const int code = errno;
    const Expected want = expected(answers, true);
    const std::string name = name_of("read", answers);
    tests::count_case(name);
    EXPECT_EQ(result, want.code == 0 ? static_cast<ssize_t>(want.bytes) : -1) << name;
    if (want.code != 0) {
      EXPECT_EQ(code, want.code) << name;
    }
    EXPECT_EQ(got, std::string("abcde").substr(0, want.bytes) + std::string(5 - want.bytes, '.')) << name;
  });
}

TEST(RetryIo, AnInterruptedCallIsMadeAgainAndAnotherErrorIsNot) {
  for_each_sequence(2, [](const Answers& answers) {
    Kernel kernel{answers};
    const ssize_t result = retry_interrupted([&] { return kernel.next(1); });
    const int code = errno;
    tests::count_case(name_of("call", answers));
    const auto last = std::find_if(answers.begin(), answers.end(), [](int answer) { return answer != -EINTR; });
    EXPECT_EQ(kernel.calls, static_cast<std::size_t>(last - answers.begin()) + 1) << name_of("call", answers);
    const int answer = last == answers.end() ? 100 : *last;
    EXPECT_EQ(result, std::clamp(answer, -1, 1));
    if (answer < 0) {
      EXPECT_EQ(code, -answer);
    }
  });
}

TEST(RetryIo, ADiskThatDoesNotAnswerIsNotOneWithoutTheFile) {
  for (const int code : {ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG}) EXPECT_TRUE(means_nothing_there(code));
  for (const int code : {EIO, ESTALE, ETIMEDOUT, ENOMEM, EINTR}) EXPECT_FALSE(means_nothing_there(code));
}

}  // namespace
}  // namespace trireme::base
