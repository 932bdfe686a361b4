// What a step asks of LibTorch: how many operations for a layer, and how often the host waits for a result. On a GPU
// each operation is a launch and each wait empties the queue; on a CPU the same calls are made, so they are counted
// here.
#include <ATen/core/function_schema.h>
#include <ATen/ops/arange.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>

#include "models/parallel/host_read.hpp"
#include "models/pipeline/trainer.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::pipeline {
namespace {

std::map<std::string, int> g_operations;
int g_moves = 0;  ///< calls that name the device on which their result is to lie

/// A copy to the host is a `to` that names a device (`.cpu()` is one); a change of type names none. On a CPU it copies
/// nothing, but the call is made all the same.
bool names_device(const at::RecordFunction& call) {
  const auto schema = call.operator_schema();
  if (!schema || std::string(call.name()) != "aten::to") return false;
  const auto place = schema->argumentIndexWithName("device");
  const auto inputs = call.inputs();
  return place && static_cast<std::size_t>(*place) < inputs.size() &&
         inputs[static_cast<std::size_t>(*place)].isDevice();
}

std::unique_ptr<at::ObserverContext> count_operation(const at::RecordFunction& call) {
  ++g_operations[call.name()];
  if (names_device(call)) ++g_moves;
  return nullptr;
}

/// Counts LibTorch's operations in this thread while it lives.
class Counting {
 public:
  Counting() : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(count_operation).needsInputs(true))) {
    g_operations.clear();
    g_moves = 0;
  }
  ~Counting() { at::removeCallback(handle_); }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  at::CallbackHandle handle_;
};

TrainerConfig config_of(std::int64_t layers, Precision precision) {
  TrainerConfig config;
  config.model = spec::make_plan(tests::small_model_of(
      "llama", {.layers = layers, .hidden = 32, .heads = 4, .kv_heads = 4, .ffn = 48, .sequence = 16, .vocab = 50}));
  config.precision = precision;
  config.micro_batch = 2;
  return config;
}

struct Counts {
  int operations = 0;
  int scalars = 0;  ///< `.item()`, which LibTorch calls _local_scalar_dense
  int moves = 0;    ///< copies that may go to the host, those of parallel::read_host() among them
  std::int64_t reads = 0;
};

/// The second step of a new trainer, whose memory is there by then.
Counts second_step(const TrainerConfig& config) {
  const c10::InferenceMode no_autograd;
  Trainer trainer(config, {});
  trainer.initialise();
  transformer::MicroBatch batch;
  batch.tokens = at::arange(config.micro_batch * config.model.sequence, at::kLong)
                     .view({config.micro_batch, config.model.sequence});
  batch.targets = batch.tokens;
  batch.samples = {0, 1};
  const auto step = [&] { trainer.step({&batch, 1}, batch.targets.numel(), 1e-3); };
  step();
  const std::int64_t before = parallel::host_reads();
  const Counting counting;
  step();
  Counts counts;
  counts.reads = parallel::host_reads() - before;
  for (const auto& [name, times] : g_operations) counts.operations += times;
  counts.moves = g_moves;
  counts.scalars = g_operations["aten::_local_scalar_dense"];
  return counts;
}

TEST(StepOperations, TheHostWaitsAtMostTwiceForAResult) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    const Counts counts = second_step(config_of(3, precision));
    EXPECT_GE(counts.reads, 1);
    EXPECT_LE(counts.reads, 2);
    EXPECT_EQ(counts.scalars, 0) << "a value is read past parallel::read_host()";
    EXPECT_EQ(counts.moves, counts.reads) << "a tensor is copied past parallel::read_host()";
  }
}

TEST(StepOperations, ALayerCostsAFixedNumber) {
  const int two = second_step(config_of(2, Precision::kFp32)).operations;
  const int three = second_step(config_of(3, Precision::kFp32)).operations;
  const int seven = second_step(config_of(7, Precision::kFp32)).operations;
  EXPECT_EQ(seven - three, 4 * (three - two));
  std::cout << "operations for a layer: " << three - two << ", for the rest of a step: " << two - 2 * (three - two)
            << "\n";
  EXPECT_LE(three - two, 280) << "views count too";
}

}  // namespace
}  // namespace trireme::pipeline
