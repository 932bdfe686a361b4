// All-reduce, reduce-scatter and all-gather of host memory: ours (shared window) against plain MPI calls, alternated
// in one run. Prints GB/s of the whole tensor per operation: best and median. Arguments: sizes in bytes.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "collectives/mpi/world.hpp"

namespace {

using namespace trireme::collectives;

constexpr int kRounds = 15;
constexpr int kLargeRounds = 4;

double seconds_of(const std::function<void()>& operation, int repetitions) {
  MPI_Barrier(MPI_COMM_WORLD);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) operation();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / repetitions;
}

struct Candidate {
  std::string name;
  std::function<void()> operation;
  std::vector<double> seconds;
};

void compare(const MpiWorld& world, const char* title, double bytes, std::vector<Candidate> candidates) {
  const int repetitions = std::clamp(static_cast<int>(30e6 / bytes), 1, 500);
  const int rounds = bytes > 100e6 ? kLargeRounds : kRounds;
  for (int round = 0; round < rounds; ++round) {
    for (Candidate& candidate : candidates) {
      candidate.seconds.push_back(seconds_of(candidate.operation, repetitions));
    }
  }
  if (world.rank() != 0) return;
  for (Candidate& candidate : candidates) {
    std::sort(candidate.seconds.begin(), candidate.seconds.end());
    const double best = candidate.seconds.front();
    const double median = candidate.seconds[candidate.seconds.size() / 2];
    std::printf("%-15s %9.3f MB  %-8s best %6.2f GB/s  median %6.2f GB/s  %8.1f us\n", title, bytes / 1e6,
                candidate.name.c_str(), bytes / best / 1e9, bytes / median / 1e9, best * 1e6);
  }
  std::fflush(stdout);
}

void run(MpiWorld& world, const std::vector<std::size_t>& sizes) {
  auto window = world.communicator("window");
  const auto size = static_cast<std::size_t>(world.size());
  for (const std::size_t bytes : sizes) {
    const std::size_t count = bytes / sizeof(float) / size * size;
    const std::size_t row = count / size;
    const int mpi_count = static_cast<int>(count);
    const int mpi_row = static_cast<int>(row);
    std::vector<float> a(count, 0.0F);
    std::vector<float> b(count, 0.0F);
    float* own_row = a.data() + row * static_cast<std::size_t>(world.rank());
    compare(
        world, "all_reduce", static_cast<double>(bytes),
        {{"trireme", [&] { window->all_reduce(a.data(), count, DataType::kFloat32); }, {}},
         {"MPI", [&] { MPI_Allreduce(MPI_IN_PLACE, b.data(), mpi_count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); }, {}}});
    compare(world, "reduce_scatter", static_cast<double>(bytes),
            {{"trireme", [&] { window->reduce_scatter(a.data(), b.data(), row, DataType::kFloat32); }, {}},
             {"MPI",
              [&] { MPI_Reduce_scatter_block(a.data(), b.data(), mpi_row, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); },
              {}}});
    compare(world, "all_gather", static_cast<double>(bytes),
            {{"trireme", [&] { window->all_gather(own_row, b.data(), row, DataType::kFloat32); }, {}},
             {"MPI",
              [&] { MPI_Allgather(own_row, mpi_row, MPI_FLOAT, b.data(), mpi_row, MPI_FLOAT, MPI_COMM_WORLD); },
              {}}});
  }
  window->finish();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::stoull(argv[i]));
  if (sizes.empty()) sizes = {64, 8192, 786432, 16 << 20, 256 << 20};
  MpiWorld world;
  return run_guarded(world, [&] { return run(world, sizes), 0; });
}
