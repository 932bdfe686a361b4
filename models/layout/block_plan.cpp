#include "models/layout/block_plan.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {
namespace {

/// "layers.3.attention.qkv" of the blocks "layers.3.attention.qkv.weight" and "….bias": what backward finishes at once.
std::string module_of(const std::string& block) {
  for (const std::string kind : {".weight", ".bias"}) {
    if (block.ends_with(kind)) return block.substr(0, block.size() - kind.size());
  }
  return block;
}

/// The blocks of `tensors`, the modules in reverse and in each the weight first.
std::vector<BlockPlan> in_reverse(const std::vector<spec::LogicalTensor>& tensors) {
  std::vector<std::vector<BlockPlan>> modules;
  for (const spec::LogicalTensor& tensor : tensors) {
    if (modules.empty() || module_of(modules.back().front().name) != module_of(tensor.block)) modules.emplace_back();
    std::vector<BlockPlan>& blocks = modules.back();
    const auto same = std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.name == tensor.block; });
    if (same != blocks.end()) {
      same->members.push_back(tensor);
    } else {
      blocks.push_back({tensor.block, {tensor}});
    }
  }
  std::vector<BlockPlan> reversed;
  for (auto module = modules.rbegin(); module != modules.rend(); ++module) {
    std::move(module->begin(), module->end(), std::back_inserter(reversed));
  }
  return reversed;
}

}  // namespace

std::vector<BlockPlan> block_plan(const spec::ModelPlan& model, const std::vector<schedule::ChunkLayers>& chunks) {
  const std::vector<spec::LogicalTensor> tensors = spec::logical_tensors(model);
  std::vector<BlockPlan> plan;
  const auto add = [&](spec::Place place, std::int64_t layer) {
    std::vector<spec::LogicalTensor> here;
    std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(here),
                 [&](const auto& tensor) { return tensor.place == place && tensor.layer == layer; });
    std::vector<BlockPlan> blocks = in_reverse(here);
    std::move(blocks.begin(), blocks.end(), std::back_inserter(plan));
  };
  const bool embedding_here = std::any_of(chunks.begin(), chunks.end(), [](const auto& c) { return c.embedding; });
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    // A tied head uses embed.tokens. It is listed here only when no embedding on this rank finishes it later.
    if (chunk->head && model.head.tied && !embedding_here) plan.push_back({tensors.front().block, {tensors.front()}});
    if (chunk->head) add(spec::Place::kHead, -1);
    for (std::int64_t i = chunk->layer_count; i-- > 0;) add(spec::Place::kLayer, chunk->first_layer + i);
    if (chunk->embedding) add(spec::Place::kEmbedding, -1);
  }
  return plan;
}

}  // namespace trireme::layout
