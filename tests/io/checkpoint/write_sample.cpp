// write_sample RUN_DIR STEP TP DP PP ZERO fp32|fp64: saves the sample model from that layout, ranks as threads.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/thread_coordinator.hpp"

int main(int argc, char** argv) {
  using namespace trireme::checkpoint;
  if (argc != 8) return 2;
  const tests::Layout layout{std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]) != 0};
  const auto tensors = tests::sample_tensors(std::string(argv[7]) == "fp64" ? DataType::kFloat64 : DataType::kFloat32);
  trireme::base::PosixFileSystem files;
  bool good = true;
  trireme::tests::run_ranks(layout.ranks(), layout.ranks() > 2 ? 2 : 1, [&](Coordinator& coordinator) {
    const auto result =
        tests::save_sample(coordinator, files, tests::sample_info(argv[1], std::atoll(argv[2])), tensors, layout);
    if (coordinator.rank() == 0 && !result.ok) {
      std::fprintf(stderr, "%s\n", result.error.c_str());
      good = false;
    }
  });
  return good ? 0 : 1;
}
