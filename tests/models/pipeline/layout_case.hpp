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
  bool packed = false;           ///< samples hold several documents
  bool rounded_start = false;    ///< initial weights are rounded to bf16
  bool first_step_only = false;  ///< the run ends after it
};

/// "llama tp2·pp2·dp2, 1f1b, …, qk_norm head": the options, and the properties that are not the family's.
std::string describe(const LayoutCase& one);
/// The same training on one rank, in one micro-batch per step.
LayoutCase one_rank(const LayoutCase& one);
/// The same for cases whose one-rank training is the same.
std::string reference_key(const LayoutCase& one);

/// A small model of the family in fp64 on one rank. Lacks what complete() fills in.
LayoutCase base_case(const std::string& family);
/// Fills in what follows from the model's sizes and the degrees; false when the batch does not divide. Throws
/// base::InputError for properties that make no model.
bool complete(LayoutCase& one);

/// Each of the 20 layouts of at most 8 ranks at defaults, for both architectures.
std::vector<LayoutCase> default_cases();

/// Sizes that divide nothing: key/value heads that two ranks share in part, a feed-forward width and a vocabulary that
/// tp does not divide, ranks without any vocabulary, buckets of a few elements. And the properties whose sums over tp
/// or pp are hardest.
std::vector<LayoutCase> odd_cases();

/// The optimizers other than AdamW: each with tp, pp and dp, with and without ZeRO. Muon also where tp ranks share
/// key/value heads, where tp divides neither feed-forward nor a rank has any of it, and with buckets of a few elements.
std::vector<LayoutCase> optimizer_cases();
/// The slots that the optimizer of the tensor's group keeps of it; none when it is frozen.
std::vector<std::string> slots_of(const LayoutCase& one, const spec::LogicalTensor& tensor);
/// Groups of parameters: frozen ones (a tied embedding, a whole stage, heads that ranks share), and ones with learning
/// rates and decay of their own, also within one block, or with Muon and Lion.
std::vector<LayoutCase> group_cases();

/// Samples of several documents: each kind of positions and mask, over every axis and way to recompute.
std::vector<LayoutCase> packed_cases();

/// Both architectures in fp32 and bf16: one rank, the same with everything computed again, tp with pp, dp with ZeRO.
std::vector<LayoutCase> narrow_cases();

/// The default layouts in bf16, and families whose properties round more often, with each way to recompute.
std::vector<LayoutCase> bf16_cases();

}  // namespace trireme::tests
