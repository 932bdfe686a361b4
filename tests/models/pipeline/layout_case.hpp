// The cases of the layout matrix.
#pragma once

#include <string>
#include <vector>

#include "models/pipeline/trainer.hpp"
#include "models/spec/config.hpp"

namespace trireme::tests {

struct LayoutCase {
  spec::ModelConfig model;  ///< what config.model is made from
  pipeline::TrainerConfig config;
  std::int64_t global_batch = 8;
  bool masked = false;
};

/// "llama tp2·pp2·dp2, 1f1b, …": what differs from the defaults.
std::string describe(const LayoutCase& one);
/// The same training on one rank, in one micro-batch per step.
LayoutCase one_rank(const LayoutCase& one);
/// The same for cases whose one-rank training is the same.
std::string reference_key(const LayoutCase& one);

/// Each of the 20 layouts of at most 8 ranks at defaults, for both architectures.
std::vector<LayoutCase> default_cases();

struct PairCases {
  std::vector<LayoutCase> cases;
  std::size_t pairs = 0;             ///< of factor levels, that occur
  std::vector<std::string> refused;  ///< pairs that cannot occur, each with a refusal
};
/// An all-pairs array over the training's options.
PairCases pair_cases();

/// Sizes that divide nothing: key/value heads that two ranks share in part, a feed-forward width and a vocabulary that
/// tp does not divide, ranks without any vocabulary, buckets of a few elements.
std::vector<LayoutCase> odd_cases();

/// Both architectures in fp32 and bf16: one rank, the same with everything computed again, tp with pp, dp with ZeRO.
std::vector<LayoutCase> narrow_cases();

}  // namespace trireme::tests
