// main() of an MPI test program, to be included by exactly one of its sources (with TRIREME_TEST_HAS_MAIN defined,
// only what such a main needs). Rank 0 prints; the others print only
// their failures. All ranks leave with the same code. A test that hangs for kTestSeconds is named and ends the job.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "collectives/mpi/world.hpp"

namespace trireme::test {

inline constexpr unsigned kTestSeconds = 60;

inline collectives::MpiWorld*& world_pointer() {
  static collectives::MpiWorld* world = nullptr;
  return world;
}

/// The world of this test program.
inline collectives::MpiWorld& world() { return *world_pointer(); }

/// What the alarm prints: rank and running test.
inline char (&alarm_text())[512] {
  static char text[512];
  return text;
}

inline void on_alarm(int) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, alarm_text(), std::strlen(alarm_text()));
  _exit(3);
}

/// Failures with the rank's number, on ranks whose ordinary printer is off; and the alarm of every test.
class RankListener final : public testing::EmptyTestEventListener {
 public:
  RankListener(int rank, unsigned seconds) : rank_(rank), seconds_(seconds) {}

 private:
  void OnTestStart(const testing::TestInfo& info) override {
    std::snprintf(alarm_text(), sizeof(alarm_text()), "[rank %d] %s.%s hangs for %u s\n", rank_, info.test_suite_name(),
                  info.name(), seconds_);
    alarm(seconds_);
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (rank_ == 0 || !result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "?",
                 result.line_number(), result.message());
  }

  int rank_;
  unsigned seconds_;
};

/// `prepare` runs once the world is there; it returns false when there is nothing to test here.
inline int run_mpi_tests(
    int argc, char** argv, unsigned seconds = kTestSeconds,
    const std::function<bool(collectives::MpiWorld&)>& prepare = [](collectives::MpiWorld&) { return true; }) {
  testing::InitGoogleTest(&argc, argv);
  collectives::MpiWorld world;
  if (!prepare(world)) return 0;
  world_pointer() = &world;
  std::signal(SIGALRM, on_alarm);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (world.rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new RankListener(world.rank(), seconds));
  const int result = RUN_ALL_TESTS();
  alarm(seconds);
  return world.agree(result);
}

}  // namespace trireme::test

#ifndef TRIREME_TEST_HAS_MAIN
int main(int argc, char** argv) { return trireme::test::run_mpi_tests(argc, argv); }
#endif
