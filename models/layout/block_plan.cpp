#include "models/layout/block_plan.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {
namespace {

using Tensors = std::map<std::string, spec::LogicalTensor>;

class Plan {
 public:
  explicit Plan(const spec::ModelConfig& config) : config_(config) {
    for (const auto& tensor : spec::logical_tensors(config)) tensors_.emplace(tensor.name, tensor);
  }

  /// A tied head uses embed.tokens. It is listed here only when no embedding on this rank finishes it later.
  void head(bool embedding_here) {
    if (!config_.tie_embeddings) {
      one("head.weight");
    } else if (!embedding_here) {
      one("embed.tokens");
    }
    norm("final_norm");
  }

  void layer(std::int64_t index) {
    const std::string at = base::str("layers.", index, ".");
    const bool llama = config_.arch == spec::Architecture::kLlama;
    matrix(at + "ffn.down", {"down"}, at + "ffn.");
    if (llama) {
      matrix(at + "ffn.gate_up", {"gate", "up"}, at + "ffn.");
    } else {
      matrix(at + "ffn.up", {"up"}, at + "ffn.");
    }
    norm(at + "ffn_norm");
    matrix(at + "attention.o", {"o"}, at + "attention.");
    matrix(at + "attention.qkv", {"q", "k", "v"}, at + "attention.");
    norm(at + "attention_norm");
  }

  void embedding() {
    if (tensors_.count("embed.positions") != 0) one("embed.positions");
    one("embed.tokens");
  }

  std::vector<BlockPlan> take() { return std::move(blocks_); }

 private:
  void one(const std::string& name) { blocks_.push_back({name, {tensors_.at(name)}}); }
  void norm(const std::string& name) {
    one(name + ".weight");
    if (config_.arch == spec::Architecture::kGpt2) one(name + ".bias");
  }
  /// Adds the weight block and, for gpt2, the bias block of the linears `parts` under `prefix`.
  void matrix(const std::string& name, const std::vector<std::string>& parts, const std::string& prefix) {
    for (const std::string suffix : {".weight", ".bias"}) {
      if (suffix == ".bias" && config_.arch != spec::Architecture::kGpt2) continue;
      BlockPlan block{name + suffix, {}};
      for (const auto& part : parts) block.members.push_back(tensors_.at(prefix + part + suffix));
      blocks_.push_back(std::move(block));
    }
  }

  const spec::ModelConfig& config_;
  Tensors tensors_;
  std::vector<BlockPlan> blocks_;
};

}  // namespace

std::vector<BlockPlan> block_plan(const spec::ModelConfig& config, const std::vector<schedule::ChunkLayers>& chunks) {
  Plan plan(config);
  const bool embedding_here = std::any_of(chunks.begin(), chunks.end(), [](const auto& c) { return c.embedding; });
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    if (chunk->head) plan.head(embedding_here);
    for (std::int64_t i = chunk->layer_count; i-- > 0;) plan.layer(chunk->first_layer + i);
    if (chunk->embedding) plan.embedding();
  }
  return plan.take();
}

}  // namespace trireme::layout
