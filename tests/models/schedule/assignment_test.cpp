#include "models/schedule/assignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.hpp"

namespace trireme::schedule {
namespace {

std::vector<double> costs_of_stages(const std::vector<ChunkLayers>& chunks, int stages, const PartCosts& costs) {
  std::vector<double> stage_costs(stages, 0);
  for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk) {
    stage_costs[chunk % stages] += static_cast<double>(chunks[chunk].layer_count) * costs.layer +
                                   (chunks[chunk].embedding ? costs.embedding : 0) +
                                   (chunks[chunk].head ? costs.head : 0);
  }
  return stage_costs;
}

// Tries every contiguous split: the smallest cost of the most expensive stage.
double best_by_trial(std::int64_t layers, int stages, int chunks, const PartCosts& costs) {
  const int all = stages * chunks;
  double best = std::numeric_limits<double>::infinity();
  std::vector<double> stage_costs(stages, 0);
  stage_costs[0] += costs.embedding;
  stage_costs[stages - 1] += costs.head;
  const std::function<void(int, std::int64_t)> place = [&](int chunk, std::int64_t left) {
    if (chunk == all) {
      if (left == 0) best = std::min(best, *std::max_element(stage_costs.begin(), stage_costs.end()));
      return;
    }
    const std::int64_t fewest = chunk == 0 || chunk == all - 1 ? 0 : 1;
    for (std::int64_t count = fewest; count <= left; ++count) {
      const double cost = static_cast<double>(count) * costs.layer;
      stage_costs[chunk % stages] += cost;
      place(chunk + 1, left - count);
      stage_costs[chunk % stages] -= cost;
    }
  };
  place(0, layers);
  return best;
}

TEST(AssignLayers, IsAContiguousSplitWithEmbeddingFirstAndHeadLast) {
  for (std::int64_t layers = 1; layers <= 40; ++layers) {
    for (int stages = 1; stages <= 8; ++stages) {
      for (int chunks = 1; chunks <= 4 && stages * chunks <= layers; ++chunks) {
        const auto assigned = assign_layers(layers, stages, chunks, {0.1, 1, 5.5});
        ASSERT_EQ(assigned.size(), static_cast<std::size_t>(stages * chunks));
        std::int64_t next = 0;
        for (std::size_t i = 0; i < assigned.size(); ++i) {
          const bool first = i == 0, last = i + 1 == assigned.size();
          EXPECT_EQ(assigned[i].first_layer, next);
          EXPECT_EQ(assigned[i].embedding, first);
          EXPECT_EQ(assigned[i].head, last);
          EXPECT_GE(assigned[i].layer_count, first || last ? 0 : 1);
          next += assigned[i].layer_count;
        }
        EXPECT_EQ(next, layers);
      }
    }
  }
}

TEST(AssignLayers, MakesTheDearestStageAsCheapAsAnySplitDoes) {
  int cases = 0;
  for (const double head : {0.0, 0.4, 1.0, 2.5, 5.5, 20.0}) {
    for (const double embedding : {0.0, 0.3, 3.0}) {
      for (std::int64_t layers = 1; layers <= 12; ++layers) {
        for (int stages = 1; stages <= 4; ++stages) {
          for (int chunks = 1; chunks <= 3 && stages * chunks <= std::min<std::int64_t>(layers, 8); ++chunks) {
            const PartCosts costs{embedding, 1, head};
            const auto stage_costs = costs_of_stages(assign_layers(layers, stages, chunks, costs), stages, costs);
            EXPECT_NEAR(*std::max_element(stage_costs.begin(), stage_costs.end()),
                        best_by_trial(layers, stages, chunks, costs), 1e-9)
                << layers << " layers, " << stages << " stages, " << chunks << " chunks, head " << head;
            ++cases;
          }
        }
      }
    }
  }
  EXPECT_GT(cases, 500);
}

TEST(AssignLayers, GivesTheHeadItsWeight) {
  const auto gpt2 = assign_layers(12, 2, 1, {0, 1, 5.5});
  EXPECT_EQ(gpt2[0].layer_count, 9);
  EXPECT_EQ(gpt2[1].layer_count, 3);
  const auto head_alone = assign_layers(4, 4, 1, {0, 1, 5.5});
  EXPECT_EQ(head_alone[3].layer_count, 0);
  EXPECT_EQ(assign_layers(8, 4, 1, {0, 1, 0})[2].layer_count, 2);
}

TEST(AssignLayers, GivesWhatIsLeftToTheLaterStages) {
  std::vector<std::int64_t> counts;
  for (const ChunkLayers& chunk : assign_layers(10, 4, 1, {})) counts.push_back(chunk.layer_count);
  EXPECT_EQ(counts, (std::vector<std::int64_t>{2, 2, 3, 3}));
}

TEST(AssignLayers, RefusesMoreChunksThanLayers) {
  EXPECT_THROW(assign_layers(7, 4, 2, {}), base::InputError);
  EXPECT_NO_THROW(assign_layers(8, 4, 2, {}));
  const auto advice = [](std::int64_t layers, int stages, int chunks) -> std::string {
    try {
      assign_layers(layers, stages, chunks, {});
      return "";
    } catch (const base::InputError& error) {
      const std::string what = error.what();
      return what.substr(what.find(": take ") + 2);
    }
  };
  EXPECT_EQ(advice(2, 3, 1), "take parallel.pp of at most 2");
  EXPECT_EQ(advice(7, 3, 3), "take parallel.pp of at most 2, or parallel.chunks of at most 2");
  EXPECT_EQ(advice(2, 1, 4), "take parallel.chunks of at most 2");
  EXPECT_EQ(advice(2, 3, 4), "take fewer stages and fewer chunks");
}

}  // namespace
}  // namespace trireme::schedule
