#include "models/spec/cost.hpp"

#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {

std::int64_t parameter_count(const ModelConfig& config) {
  std::int64_t count = 0;
  for (const LogicalTensor& tensor : logical_tensors(config)) count += topology::elements_of(tensor.shape);
  return count;
}

int state_bytes_per_parameter(bool fp64) {
  constexpr int kTensors = 3;
  return kTensors * (fp64 ? 8 : 4);
}

double layer_flops(const ModelConfig& config, AttentionCount count) {
  const auto hidden = static_cast<double>(config.hidden);
  const auto key_width = static_cast<double>(config.kv_heads * config.head_size());
  const double feed_forward_matrices = config.arch == Architecture::kLlama ? 3 : 2;
  const double weights =
      2 * hidden * hidden + 2 * hidden * key_width + feed_forward_matrices * hidden * static_cast<double>(config.ffn);
  const double attention = (count == AttentionCount::kFull ? 4 : 2) * static_cast<double>(config.sequence) * hidden;
  return 2 * weights + attention;
}

double head_flops(const ModelConfig& config) {
  return 2 * static_cast<double>(config.hidden) * static_cast<double>(config.vocab);
}

double train_flops(const ModelConfig& config, AttentionCount count) {
  return 3 * (static_cast<double>(config.layers) * layer_flops(config, count) + head_flops(config));
}

}  // namespace trireme::spec
