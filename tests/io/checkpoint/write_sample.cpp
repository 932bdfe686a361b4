// write_sample RUN_DIR STEP TP DP PP ZERO fp32|fp64 [large|hostile|hub]: saves the sample model from that layout, ranks
// as threads. "large" adds tensors: one of several checksum blocks, and three with NaN and infinities in them.
// "hostile" puts what a terminal would obey into the texts of the checkpoint and adds a tensor with such a name. "hub"
// adds a HUB.json.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace {

using namespace trireme::checkpoint;

void add_large(std::vector<tests::SampleTensor>& tensors, DataType dtype) {
  tensors.push_back({kParam, "large", {2300, 2003}, dtype});
  tensors.push_back({kParam, "planted.100%b", {60, 50}, dtype});
  tensors.push_back({kAdamV, "planted.100%b", {60, 50}, dtype});
  tensors.push_back({kParam, "planted.all", {9}, dtype});
}

constexpr const char* kHostile = "x\x1b[2J\x1b]0;owned\x07\r\ntrireme: done \u202egnp.exe\u2028\u009b31m";

void make_hostile(SaveInfo& info) {
  info.run_id = kHostile;
  info.options = std::string("[run]\nname = ") + kHostile + "\n";
  info.layout = kHostile;
  info.cursor = info.extra = info.versions = {{kHostile, kHostile}};
}

/// Its values.
double planted(const tests::SampleTensor& tensor, std::int64_t flat, std::int64_t step) {
  const double value = tests::value_of(tensor, flat, step);
  if (tensor.name == "planted.all") return std::nan("");
  if (tensor.name != "planted.100%b") return value;
  if (flat % 701 == 3) return std::nan("");
  if (flat % 997 == 0) return flat % 2 == 0 ? HUGE_VAL : -HUGE_VAL;
  return tensor.slot == kAdamV ? value * 1e-30 : value * 1e30;
}

}  // namespace

int main(int argc, char** argv) {
  const bool large = argc == 9 && std::string(argv[8]) == "large";
  const bool hostile = argc == 9 && std::string(argv[8]) == "hostile";
  const bool hub = argc == 9 && std::string(argv[8]) == "hub";
  if (argc != 8 && !large && !hostile && !hub) return 2;
  const tests::Layout layout{std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]) != 0};
  const DataType dtype = std::string(argv[7]) == "fp64" ? DataType::kFloat64 : DataType::kFloat32;
  auto tensors = tests::sample_tensors(dtype);
  if (large) add_large(tensors, dtype);
  if (hostile) tensors.push_back({kParam, kHostile, {3}, dtype});
  trireme::base::PosixFileSystem files;
  bool good = true;
  trireme::tests::run_ranks(layout.ranks(), layout.ranks() > 2 ? 2 : 1, [&](Coordinator& coordinator) {
    auto info = tests::sample_info(argv[1], std::atoll(argv[2]));
    if (hostile) make_hostile(info);
    if (hub) info.hub = "{\"format\": \"trireme-hub\"}\n";
    const auto result =
        tests::save_sample(coordinator, files, info, tensors, layout, large ? planted : tests::value_of);
    if (coordinator.rank() == 0 && !result.ok) {
      std::fprintf(stderr, "%s\n", result.error.c_str());
      good = false;
    }
  });
  return good ? 0 : 1;
}
