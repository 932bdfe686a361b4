// Decides which layers belong to which chunk and stage: the optimal contiguous split by cost.
#pragma once

#include <cstdint>
#include <vector>

namespace trireme::schedule {

/// Consecutive layers [first_layer, first_layer + layer_count), preceded by the embedding and followed by the head if
/// set.
struct ChunkLayers {
  std::int64_t first_layer = 0;
  std::int64_t layer_count = 0;
  bool embedding = false;
  bool head = false;

  bool operator==(const ChunkLayers&) const = default;
};

/// The time of each part of the model, in any unit.
struct PartCosts {
  double embedding = 0;
  double layer = 1;
  double head = 0;
};

/// Returns the stages * chunks chunks in order; chunk c lives on stage c % stages. The most expensive stage (sum over
/// its chunks) costs as little as any contiguous split allows. Among the splits that achieve this, the costs are as
/// even as possible, first over the stages, then over the chunks within a stage; and earlier stages get less, since
/// they hold more activations. Only the first and the last chunk may have no layers. Example: 12 layers, 2 stages, head
/// worth 5.5 layers: 9 layers, then 3 and the head. Throws base::InputError when there are more chunks than layers.
std::vector<ChunkLayers> assign_layers(std::int64_t layers, int stages, int chunks, const PartCosts& costs);

}  // namespace trireme::schedule
