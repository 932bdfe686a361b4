#include <string>
#include <vector>

#include "base/error.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/schedule/assignment.hpp"

namespace trireme::pipeline {
namespace {

/// "1, 2 or 4": the divisors of `number` up to `most`.
std::string divisors(std::int64_t number, std::int64_t most) {
  std::vector<std::int64_t> found;
  for (std::int64_t candidate = 1; candidate <= std::min(number, most); ++candidate) {
    if (number % candidate == 0) found.push_back(candidate);
  }
  std::string text;
  for (std::size_t index = 0; index < found.size(); ++index) {
    if (index > 0) text += index + 1 == found.size() ? " or " : ", ";
    text += std::to_string(found[index]);
  }
  return text;
}

void check_tensor_parallel(const ModelSetup& config) {
  const std::int64_t tp = config.degrees.tp;
  if (tp == 1) return;
  for (const spec::LayerSpec& layer : config.model.layers) {
    const std::int64_t heads = layer.attention.heads;
    if (heads % tp == 0) continue;
    throw base::InputError(
        base::str("parallel.tp = ", tp, " does not divide model.heads = ", heads, ": take tp = ", divisors(heads, 64)));
  }
  if (config.sequence_parallel && config.model.sequence % tp != 0) {
    throw base::InputError(base::str("parallel.tp = ", tp, " does not divide model.sequence = ", config.model.sequence,
                                     ": take tp = ", divisors(config.model.sequence, 64),
                                     ", or parallel.sequence_parallel = false"));
  }
}

void check_pipeline(const ModelSetup& config) {
  const std::int64_t chunks = std::int64_t{config.degrees.pp} * config.chunks;
  if (chunks > config.model.layer_count()) {
    throw base::InputError(base::str("parallel.pp = ", config.degrees.pp, " with parallel.chunks = ", config.chunks,
                                     " makes ", chunks, " chunks of only ", config.model.layer_count(),
                                     " layers: take pp * chunks of at most ", config.model.layer_count()));
  }
}

}  // namespace

void check(const ModelSetup& setup) {
  if (setup.degrees.cp != 1) throw base::InputError("parallel.cp must be 1: context parallelism is not built yet");
  check_tensor_parallel(setup);
  check_pipeline(setup);
}

void check(const TrainerConfig& config) {
  if (config.zero != 0 && config.zero != 1) {
    throw base::InputError(base::str("parallel.zero = ", config.zero, " is not built: take 0 or 1"));
  }
  if (config.micro_batch < 1 || config.micro_batches < 1) {
    throw base::InputError("train.micro_batch and the number of micro-batches per step must be at least 1");
  }
  check(static_cast<const ModelSetup&>(config));
  schedule::check({config.schedule, config.degrees.pp, config.chunks, static_cast<int>(config.micro_batches)});
}

}  // namespace trireme::pipeline
