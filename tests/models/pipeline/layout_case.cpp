#include "tests/models/pipeline/layout_case.hpp"

#include <array>

#include "base/error.hpp"
#include "tests/support/covering_array.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::tests {
namespace {

using pipeline::TrainerConfig;
using schedule::ScheduleKind;
using transformer::Recompute;

constexpr std::array<topology::Degrees, 9> kPairLayouts{{{2, 1, 2, 2},
                                                         {4, 1, 1, 2},
                                                         {2, 1, 1, 4},
                                                         {1, 1, 2, 4},
                                                         {1, 1, 4, 2},
                                                         {4, 1, 2, 1},
                                                         {2, 1, 3, 1},
                                                         {1, 1, 3, 2},
                                                         {2, 1, 1, 2}}};

enum Factor {
  kArch,
  kLayout,
  kSchedule,
  kChunks,
  kSequenceParallel,
  kRecompute,
  kZero,
  kMicroBatch,
  kVocabulary,
  kLayers,
  kKeyHeads,
  kMasked,
  kTied,
  kClip,
  kDropout,
  kFactors
};

struct FactorText {
  const char* name;
  std::vector<std::string> levels;
};

std::vector<FactorText> factor_texts() {
  std::vector<std::string> layouts;
  for (const topology::Degrees& degrees : kPairLayouts) layouts.push_back(topology::to_string(degrees));
  return {{"arch", {"gpt2", "llama"}},
          {"layout", layouts},
          {"schedule", {"gpipe", "1f1b", "interleaved"}},
          {"chunks", {"1", "2"}},
          {"sequence_parallel", {"off", "on"}},
          {"recompute", {"none", "selective", "full"}},
          {"zero", {"0", "1"}},
          {"micro_batch", {"1", "2"}},
          {"vocabulary", {"64", "61"}},
          {"layers", {"8", "9"}},
          {"kv_heads", {"4", "2", "1"}},
          {"masked", {"no", "yes"}},
          {"tied", {"no", "yes"}},
          {"clip", {"off", "on"}},
          {"dropout", {"0", "0.1"}}};
}

spec::ModelConfig small_model(const std::string& family) {
  const bool llama = family == "llama";
  spec::ModelConfig model = small_model_of(family, {.layers = 4,
                                                    .hidden = 16,
                                                    .heads = 4,
                                                    .kv_heads = llama ? 2 : 4,
                                                    .ffn = llama ? 24 : 64,
                                                    .sequence = 8,
                                                    .vocab = 64,
                                                    .tied = !llama});
  model.init_std = 0.2;  // so that no gradient is tiny
  return model;
}

void give_six_heads(spec::ModelConfig& model) {
  model.heads = 6;
  model.kv_heads = 3;
  set_hidden(model, 24);
}

/// Lacks what complete() fills in.
LayoutCase base_case(const std::string& family) {
  LayoutCase one;
  one.model = small_model(family);
  TrainerConfig& config = one.config;
  config.precision = pipeline::Precision::kFp64;
  config.seed = 5;
  config.optimizer.eps = 1e-8;
  config.bucket_bytes = 8192;  // several buckets even in these models
  return one;
}

/// Fills in what follows from the model's sizes and the degrees; false when the batch does not divide. Throws
/// base::InputError for sizes that make no model.
bool complete(LayoutCase& one) {
  one.config.model = spec::make_plan(one.model);
  const std::int64_t together = one.config.degrees.dp * one.config.micro_batch;
  one.global_batch = one.config.degrees.dp == 3 ? 12 : 8;
  one.config.micro_batches = one.global_batch / together;
  return one.global_batch % together == 0;
}

LayoutCase case_of(const Row& row) {
  LayoutCase one = base_case(row[kArch] == 0 ? "gpt2" : "llama");
  TrainerConfig& config = one.config;
  config.degrees = kPairLayouts[static_cast<std::size_t>(row[kLayout])];
  config.schedule = static_cast<ScheduleKind>(row[kSchedule]);
  config.chunks = 1 + row[kChunks];
  config.sequence_parallel = row[kSequenceParallel] == 1;
  config.recompute = static_cast<Recompute>(row[kRecompute]);
  config.zero = row[kZero];
  config.micro_batch = 1 + row[kMicroBatch];
  one.model.vocab = row[kVocabulary] == 0 ? 64 : 61;
  one.model.layers = 8 + row[kLayers];
  one.model.kv_heads = std::array<int, 3>{4, 2, 1}[static_cast<std::size_t>(row[kKeyHeads])];
  one.masked = row[kMasked] == 1;
  one.model.tie_embeddings = row[kTied] == 1;
  config.clip = row[kClip] == 1 ? 0.5 : 0.0;
  one.model.dropout = row[kDropout] == 1 ? 0.1 : 0.0;
  return one;
}

std::string refusal(const Row& row) {
  if (row[kArch] == 0 && row[kKeyHeads] != 0) return "GPT-2 has no grouped-query attention";
  LayoutCase one = case_of(row);
  try {
    if (!complete(one)) return "the global batch is not divided by dp * micro_batch";
    pipeline::check(one.config);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

/// Why a pair never occurs: the refusal of a row that has it, otherwise at level 0.
std::string refusal_of_pair(const std::vector<int>& pair) {
  const std::vector<FactorText> texts = factor_texts();
  const auto text = [&](int factor, int level) {
    const FactorText& one = texts[static_cast<std::size_t>(factor)];
    return base::str(one.name, " = ", one.levels[static_cast<std::size_t>(level)]);
  };
  Row row(kFactors, 0);
  row[static_cast<std::size_t>(pair[0])] = pair[1];
  row[static_cast<std::size_t>(pair[2])] = pair[3];
  return base::str(text(pair[0], pair[1]), " with ", text(pair[2], pair[3]), ": ", refusal(row));
}

}  // namespace

std::string describe(const LayoutCase& one) {
  const TrainerConfig& config = one.config;
  const char* recompute[] = {"none", "selective", "full"};
  const char* precision[] = {", fp32", "", ", bf16"};
  return base::str(one.model.arch, " ", topology::to_string(config.degrees), ", ", schedule::name_of(config.schedule),
                   " x", config.chunks, ", sp ", config.sequence_parallel, ", recompute ",
                   recompute[static_cast<int>(config.recompute)], ", zero ", config.zero, ", micro_batch ",
                   config.micro_batch, ", layers ", one.model.layers, ", hidden ", one.model.hidden, ", ffn ",
                   one.model.ffn, ", vocab ", one.model.vocab, ", kv_heads ", one.model.kv_heads, ", masked ",
                   one.masked, ", tied ", one.model.tie_embeddings, ", clip ", config.clip, ", dropout ",
                   one.model.dropout, precision[static_cast<int>(config.precision)]);
}

LayoutCase one_rank(const LayoutCase& one) {
  LayoutCase alone = one;
  alone.config.degrees = {};
  alone.config.schedule = ScheduleKind::kOneForwardOneBackward;
  alone.config.chunks = 1;
  alone.config.recompute = Recompute::kNone;
  alone.config.zero = 0;
  alone.config.micro_batch = one.global_batch;
  alone.config.micro_batches = 1;
  return alone;
}

std::string reference_key(const LayoutCase& one) {
  LayoutCase alone = one_rank(one);
  alone.config.sequence_parallel = false;
  return describe(alone);
}

std::vector<LayoutCase> default_cases() {
  std::vector<LayoutCase> cases;
  for (const char* family : {"gpt2", "llama"}) {
    for (const int tp : {1, 2, 4}) {
      for (const int pp : {1, 2, 4}) {
        for (const int dp : {1, 2, 3, 4}) {
          if (tp * pp * dp > 8) continue;
          LayoutCase one = base_case(family);
          one.config.degrees = {tp, 1, dp, pp};
          complete(one);
          cases.push_back(one);
        }
      }
    }
  }
  return cases;
}

PairCases pair_cases() {
  std::vector<int> levels;
  for (const FactorText& factor : factor_texts()) levels.push_back(static_cast<int>(factor.levels.size()));
  CoveringArrayBuilder builder(levels, [](const Row& row) { return refusal(row).empty(); });
  const CoveringArray array = builder.build();
  PairCases result;
  result.pairs = array.pairs;
  for (const Row& row : array.rows) {
    result.cases.push_back(case_of(row));
    complete(result.cases.back());
  }
  for (const auto& pair : array.impossible) result.refused.push_back(refusal_of_pair(pair));
  return result;
}

std::vector<LayoutCase> odd_cases() {
  std::vector<LayoutCase> cases;
  for (const int zero : {0, 1}) {
    LayoutCase one = base_case("llama");
    one.config.zero = zero;
    give_six_heads(one.model);
    one.config.degrees = {2, 1, 2, 2};  // heads 0, 1 and 1, 2 of three
    cases.push_back(one);
    one = base_case(zero == 0 ? "gpt2" : "llama");
    one.config.zero = zero;
    one.config.degrees = {4, 1, 2, 1};
    one.model.ffn = 23;
    one.model.vocab = 3;  // the fourth tp rank has none of it
    one.model.tie_embeddings = true;
    cases.push_back(one);
    one.config.degrees = {2, 1, 2, 2};
    one.model.vocab = 5;
    one.config.bucket_bytes = 1;
    one.config.sequence_parallel = false;
    cases.push_back(one);
  }
  // The third tp rank has nothing of the feed-forward matrices, and a norm lies behind them.
  LayoutCase narrow = base_case("llama");
  give_six_heads(narrow.model);
  narrow.model.ffn = 2;
  narrow.config.optimizer.weight_decay = 1.0;
  narrow.config.sequence_parallel = false;
  narrow.config.degrees = {3, 1, 2, 1};
  cases.push_back(narrow);
  for (LayoutCase& one : cases) complete(one);
  return cases;
}

std::vector<LayoutCase> narrow_cases() {
  std::vector<LayoutCase> cases;
  for (const char* family : {"gpt2", "llama"}) {
    for (const pipeline::Precision precision : {pipeline::Precision::kFp32, pipeline::Precision::kBf16}) {
      LayoutCase one = base_case(family);
      one.config.precision = precision;
      cases.push_back(one);
      one.config.recompute = Recompute::kFull;
      cases.push_back(one);
      one.config.recompute = Recompute::kSelective;
      one.config.degrees = {2, 1, 1, 2};
      cases.push_back(one);
      one.config.recompute = Recompute::kNone;
      one.config.degrees = {1, 1, 2, 1};
      one.config.zero = 1;
      cases.push_back(one);
    }
  }
  for (LayoutCase& one : cases) complete(one);
  return cases;
}

}  // namespace trireme::tests
