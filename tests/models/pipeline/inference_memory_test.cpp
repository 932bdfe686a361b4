// What a model that is only used takes of memory, counted by LibTorch's own allocator: the same on every machine.
#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "models/pipeline/inference.hpp"
#include "models/pipeline/trainer.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::pipeline {
namespace {

std::size_t g_in_use = 0;
std::size_t g_most = 0;

/// Counts the bytes of host tensors, of one thread. In front of each piece of memory lies its size.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAhead, (bytes + 2 * kAhead - 1) / kAhead * kAhead));
    std::memcpy(memory, &bytes, sizeof bytes);
    g_in_use += bytes;
    g_most = std::max(g_most, g_in_use);
    void* data = memory + kAhead;
    return {data, data, &CountingAllocator::free, c10::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &CountingAllocator::free; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static constexpr std::size_t kAhead = 64;

  static void free(void* data) {
    std::byte* memory = static_cast<std::byte*>(data) - kAhead;
    std::size_t bytes = 0;
    std::memcpy(&bytes, memory, sizeof bytes);
    g_in_use -= bytes;
    std::free(memory);
  }
};

class CountsMemory : public testing::Environment {
  void SetUp() override {
    c10::SetCPUAllocator(&allocator_, /*priority=*/100);
    at::set_num_threads(1);  // each thread has memory of its own
  }
  CountingAllocator allocator_;
};
const auto* const g_counts = testing::AddGlobalTestEnvironment(new CountsMemory);

std::int64_t in_use() { return static_cast<std::int64_t>(g_in_use); }

/// Most bytes in use while f() runs, above those before it.
template <typename F>
std::int64_t most_during(const F& f) {
  const std::size_t before = g_most = g_in_use;
  f();
  return static_cast<std::int64_t>(g_most - before);
}

/// Some 21 MB in fp32.
ModelSetup setup_of(Precision precision) {
  ModelSetup setup;
  setup.model = spec::make_plan(tests::small_model_of(
      "llama", {.layers = 4, .hidden = 256, .heads = 8, .kv_heads = 4, .ffn = 704, .sequence = 2048, .vocab = 4096}));
  setup.precision = precision;
  return setup;
}

std::int64_t weights(const ModelSetup& setup) {
  std::int64_t elements = 0;
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(setup.model)) {
    elements += topology::elements_of(tensor.shape);
  }
  return elements * static_cast<std::int64_t>(c10::elementSize(value_type(setup.precision)));
}

/// Keys and values of one sequence in all layers.
std::int64_t cache(const ModelSetup& setup, std::int64_t capacity) {
  std::int64_t width = 0;
  for (const spec::LayerSpec& layer : setup.model.layers) width += 2 * layer.attention.kv_width();
  return capacity * width * static_cast<std::int64_t>(c10::elementSize(value_type(setup.precision)));
}

class InferenceMemory : public testing::TestWithParam<Precision> {};

TEST_P(InferenceMemory, IsThatOfTheWeights) {
  const ModelSetup setup = setup_of(GetParam());
  const std::int64_t before = in_use();
  std::unique_ptr<Inference> model;
  const std::int64_t most = most_during([&] {
    model = std::make_unique<Inference>(setup, Groups{});
    model->state();
  });
  EXPECT_GE(in_use() - before, weights(setup));
  EXPECT_LE(most, weights(setup) + (1 << 20));  // and rotary tables
  model.reset();
  EXPECT_EQ(in_use(), before);
  // Which a training exceeds by far: this test sees what it should.
  EXPECT_GE(most_during([&] { Trainer trainer{TrainerConfig{setup}, Groups{}}; }), 4 * weights(setup));
}

// A text four times as long takes its larger cache and nothing else.
TEST_P(InferenceMemory, OfTextGrowsWithTheCacheAlone) {
  const ModelSetup setup = setup_of(GetParam());
  Inference model(setup, Groups{});
  const auto most_with = [&](std::int64_t capacity) {
    return most_during([&] {
      Generation generation = model.generation();
      const int slot = generation.open(capacity);
      generation.append(slot, std::vector<std::int64_t>(static_cast<std::size_t>(capacity - 8), 1));
      for (int step = 0; step < 8; ++step) {
        generation.advance(std::vector<int>{slot}, std::vector<std::int64_t>{1});
      }
    });
  };
  const std::int64_t small = most_with(520), large = most_with(2048);
  EXPECT_GE(small, cache(setup, 520));
  const std::int64_t scratch = 4 * (2048 - 520) * 32 * 4;  // of attention's kernel, for heads of 32 in fp32
  EXPECT_LE(large - small, cache(setup, 2048 - 520) + scratch);
}

INSTANTIATE_TEST_SUITE_P(Precisions, InferenceMemory, testing::Values(Precision::kFp32, Precision::kBf16));

TEST(ScoreMemory, HoldsLogitsOfSomeTokensAtATime) {
  ModelSetup setup;
  setup.model = spec::make_plan(tests::small_model_of(
      "llama", {.layers = 1, .hidden = 32, .heads = 4, .kv_heads = 4, .ffn = 64, .sequence = 512, .vocab = 16384}));
  Inference model(setup, Groups{});
  transformer::MicroBatch batch;
  batch.tokens = at::ones({4, 512}, at::kLong);
  batch.targets = batch.tokens;
  const std::int64_t all = 4 * 512 * setup.model.vocab * 4;  // 128 MiB
  const std::int64_t most = most_during([&] { model.score(batch); });
  EXPECT_GE(most, all / 2);
  EXPECT_LE(most, all * 5 / 8);
}

}  // namespace
}  // namespace trireme::pipeline
