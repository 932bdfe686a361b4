// What writing a step's line of the metrics costs: agreeing on the times of all ranks, and the line itself. Prints the
// microseconds a step, best and median over rounds, and the share of a step of 50 ms. Argument: a directory to make a
// run directory in.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/attempt/directory_keeper.hpp"
#include "launcher/attempt/step_log.hpp"
#include "launcher/attempt/step_times.hpp"

namespace {

using namespace trireme::launcher;

constexpr int kRounds = 20;
constexpr int kSteps = 200;

double seconds_a_step(trireme::collectives::Communicator& control, StepLog& log, std::int64_t& step) {
  control.barrier();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kSteps; ++i) {
    ++step;
    const StepTimes times =
        over_all_ranks(control, {.seconds = 0.05, .data_wait = 1e-5, .exposed_communication = 3e-3, .saving = 0});
    StepReport report;
    report.step = step;
    report.steps = 1'000'000;
    report.loss = 2.0 + 1.0 / static_cast<double>(step);
    report.grad_norm = 1.1;
    report.lr = 3e-4;
    report.seconds = 0.05;
    report.tokens_per_second = 123456.7;
    report.peak_share = 0.4;
    log.done({step, static_cast<std::uint64_t>(8 * step), 0, {}, {}}, report, times);
  }
  return trireme::base::seconds_since(start) / kSteps;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "metrics_bench DIRECTORY\n"), 2;
  trireme::collectives::MpiWorld world;
  return run_guarded(world, [&] {
    trireme::base::PosixFileSystem files;
    std::unique_ptr<RunKeeper> keeper = std::make_unique<RunKeeper>();
    if (world.rank() == 0) {
      keeper = std::make_unique<DirectoryKeeper>(
          files, argv[1], trireme::slurm::JobEnvironment{}, [] { return false; }, trireme::base::Log());
      keeper->begin({}, "");
    }
    StepLog log(*keeper, 1024, nullptr, 1, trireme::base::Log());
    std::vector<double> seconds;
    std::int64_t step = 0;
    for (int round = 0; round < kRounds; ++round) seconds.push_back(seconds_a_step(world.control(), log, step));
    std::sort(seconds.begin(), seconds.end());
    constexpr double kMost = 0.005 * 0.05;  // seconds: what was asked of a step of 50 ms
    if (world.rank() == 0) {
      const double median = seconds[seconds.size() / 2];
      std::printf("metrics, %d ranks: best %.1f us, median %.1f us a step: %.3f%% of a step of 50 ms\n", world.size(),
                  1e6 * seconds.front(), 1e6 * median, 100 * median / 0.05);
    }
    return seconds[seconds.size() / 2] > kMost ? 1 : 0;
  });
}
