#include "models/schedule/assignment.hpp"

#include "base/error.hpp"

namespace trireme::schedule {
namespace {

// Gives `layers` one after another to the bin that is cheapest so far, the later one among equals. For equal items this
// makes the most expensive bin as cheap as possible and the costs as even as possible.
void fill(std::vector<std::int64_t>& counts, std::vector<double> costs, std::int64_t layers, double layer_cost) {
  for (std::size_t bin = 0; bin < counts.size(); ++bin) costs[bin] += layer_cost * static_cast<double>(counts[bin]);
  for (; layers > 0; --layers) {
    std::size_t cheapest = 0;
    for (std::size_t bin = 1; bin < costs.size(); ++bin) {
      if (costs[bin] <= costs[cheapest]) cheapest = bin;
    }
    ++counts[cheapest];
    costs[cheapest] += layer_cost;
  }
}

/// Throws, naming the degrees that leave a layer for each chunk.
[[noreturn]] void refuse_degrees(std::int64_t layers, int stages, int chunks) {
  std::string advice;
  if (layers >= chunks) advice = base::str("parallel.pp of at most ", layers / chunks);
  if (chunks > 1 && layers >= stages) {
    advice += base::str(advice.empty() ? "" : ", or ", "parallel.chunks of at most ", layers / stages);
  }
  throw base::InputError(base::str("parallel.pp = ", stages, " with parallel.chunks = ", chunks, " makes ",
                                   stages * chunks, " chunks, more than model.layers = ", layers, ": take ",
                                   advice.empty() ? "fewer stages and fewer chunks" : advice));
}

}  // namespace

std::vector<ChunkLayers> assign_layers(std::int64_t layers, int stages, int chunks, const PartCosts& costs) {
  const int all_chunks = stages * chunks;
  if (all_chunks > layers) refuse_degrees(layers, stages, chunks);
  const auto fewest = [&](int chunk) { return chunk == 0 || chunk == all_chunks - 1 ? 0 : 1; };
  std::vector<double> chunk_costs(all_chunks, 0);
  chunk_costs.front() += costs.embedding;
  chunk_costs.back() += costs.head;

  std::vector<std::int64_t> stage_layers(stages, 0);
  std::vector<double> stage_costs(stages, 0);
  std::int64_t left = layers;
  for (int chunk = 0; chunk < all_chunks; ++chunk) {
    stage_layers[chunk % stages] += fewest(chunk);
    stage_costs[chunk % stages] += chunk_costs[chunk];
    left -= fewest(chunk);
  }
  fill(stage_layers, stage_costs, left, costs.layer);

  std::vector<ChunkLayers> assigned(all_chunks);
  for (int stage = 0; stage < stages; ++stage) {
    std::vector<std::int64_t> counts;
    std::vector<double> own_costs;
    std::int64_t own_left = stage_layers[stage];
    for (int chunk = stage; chunk < all_chunks; chunk += stages) {
      counts.push_back(fewest(chunk));
      own_costs.push_back(chunk_costs[chunk]);
      own_left -= fewest(chunk);
    }
    fill(counts, own_costs, own_left, costs.layer);
    for (int turn = 0; turn < chunks; ++turn) assigned[turn * stages + stage].layer_count = counts[turn];
  }
  assigned.front().embedding = true;
  assigned.back().head = true;
  for (int chunk = 1; chunk < all_chunks; ++chunk) {
    assigned[chunk].first_layer = assigned[chunk - 1].first_layer + assigned[chunk - 1].layer_count;
  }
  return assigned;
}

}  // namespace trireme::schedule
