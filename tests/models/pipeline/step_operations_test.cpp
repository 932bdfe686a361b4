// What a step asks of LibTorch: how many operations for a layer, and how often the host waits for a result. On a GPU
// each operation is a launch and each wait empties the queue; on a CPU the same calls are made, so they are counted
// here.
#include <ATen/ops/arange.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>

#include "models/parallel/host_read.hpp"
#include "models/pipeline/trainer.hpp"

namespace trireme::pipeline {
namespace {

std::map<std::string, int> g_operations;

std::unique_ptr<at::ObserverContext> count_operation(const at::RecordFunction& call) {
  ++g_operations[call.name()];
  return nullptr;
}

/// Counts LibTorch's operations in this thread while it lives.
class Counting {
 public:
  Counting() : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(count_operation))) {
    g_operations.clear();
  }
  ~Counting() { at::removeCallback(handle_); }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  at::CallbackHandle handle_;
};

TrainerConfig config_of(std::int64_t layers, Precision precision) {
  TrainerConfig config;
  config.model.arch = spec::Architecture::kLlama;
  config.model.layers = layers;
  config.model.hidden = 32;
  config.model.heads = 4;
  config.model.kv_heads = 4;
  config.model.ffn = 48;
  config.model.sequence = 16;
  config.model.vocab = 50;
  config.precision = precision;
  config.micro_batch = 2;
  return config;
}

struct Counts {
  int operations = 0;
  int scalars = 0;  ///< `.item()`, which LibTorch calls _local_scalar_dense
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
  counts.scalars = g_operations["aten::_local_scalar_dense"];
  return counts;
}

TEST(StepOperations, TheHostWaitsAtMostTwiceForAResult) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    const Counts counts = second_step(config_of(3, precision));
    EXPECT_GE(counts.reads, 1);
    EXPECT_LE(counts.reads, 2);
    EXPECT_EQ(counts.scalars, 0) << "a value is read past parallel::read_host()";
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
