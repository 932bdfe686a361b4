// Seconds per training step of L6·D384·V8192·T256 (GPT-2 type), fp32, over a layout of this launch's ranks.
//   layout_bench TP PP DP THREADS STEPS [GLOBAL_BATCH [MICRO_BATCH]]
// Rank 0 prints one line per step: "step N SECONDS compute SECONDS reduce SECONDS optimizer SECONDS".
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/roll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"
#include "base/host_memory.hpp"
#include "base/philox.hpp"
#include "collectives/mpi/world.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/spec/families/family.hpp"

namespace {

using namespace trireme;

pipeline::TrainerConfig config_of(char** argv, std::int64_t global_batch, std::int64_t micro_batch) {
  pipeline::TrainerConfig config;
  spec::ModelConfig model = spec::defaults_of("gpt2", {.layers = 6, .hidden = 384, .heads = 6});
  model.sequence = 256;
  model.vocab = 8192;
  config.model = spec::make_plan(model);
  config.degrees = {std::atoi(argv[1]), 1, std::atoi(argv[3]), std::atoi(argv[2])};
  config.micro_batch = micro_batch;
  config.micro_batches = global_batch / (micro_batch * config.degrees.dp);
  return config;
}

std::vector<transformer::MicroBatch> batches_of(const pipeline::TrainerConfig& config, std::int64_t step, int dp_rank) {
  std::vector<transformer::MicroBatch> batches;
  for (std::int64_t index = 0; index < config.micro_batches; ++index) {
    transformer::MicroBatch batch;
    batch.tokens = at::empty({config.micro_batch, config.model.sequence}, at::kLong);
    const std::uint64_t key =
        base::mix(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(dp_rank * config.micro_batches + index));
    for (std::int64_t at = 0; at < batch.tokens.numel(); ++at) {
      const std::uint64_t draw = base::mix(key, static_cast<std::uint64_t>(at));
      batch.tokens.mutable_data_ptr<std::int64_t>()[at] = static_cast<std::int64_t>(draw % 8192);
    }
    batch.targets = batch.tokens.roll(-1, 1).contiguous();
    batch.samples.resize(static_cast<std::size_t>(config.micro_batch));
    batches.push_back(std::move(batch));
  }
  return batches;
}

int run(collectives::MpiWorld& world, int argc, char** argv) {
  const std::int64_t global_batch = argc > 6 ? std::atoi(argv[6]) : 32;
  const pipeline::TrainerConfig config = config_of(argv, global_batch, argc > 7 ? std::atoi(argv[7]) : 2);
  base::keep_freed_memory();
  at::set_num_threads(std::atoi(argv[4]));
  const auto ranks = world.communicator("ranks");
  pipeline::OwnedGroups groups = pipeline::make_groups(*ranks, topology::Mesh(config.degrees), config.chunks);
  pipeline::Trainer trainer(config, groups.with_world(*ranks));
  trainer.initialise();
  const int dp_rank = groups.dp ? groups.dp->rank() : 0;
  for (int step = 1; step <= std::atoi(argv[5]); ++step) {
    const auto batches = batches_of(config, step, dp_rank);
    ranks->barrier();
    const auto start = std::chrono::steady_clock::now();
    const pipeline::StepResult result = trainer.step(batches, global_batch * config.model.sequence, 3e-4);
    ranks->barrier();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (world.rank() == 0) {
      std::printf("step %d %.6f compute %.6f reduce %.6f optimizer %.6f loss %.6f\n", step, seconds,
                  result.compute_seconds, result.reduce_seconds, result.optimizer_seconds, result.loss);
      std::fflush(stdout);
    }
  }
  groups.finish();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  trireme::collectives::MpiWorld world;
  return trireme::collectives::run_guarded(world, [&] {
    if (argc < 6) throw trireme::base::InputError("usage: layout_bench TP PP DP THREADS STEPS [GLOBAL_BATCH [MICRO]]");
    return run(world, argc, argv);
  });
}
