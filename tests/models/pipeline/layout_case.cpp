#include "tests/models/pipeline/layout_case.hpp"

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/properties.hpp"
#include "tests/models/pipeline/property_text.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::tests {
namespace {

using pipeline::TrainerConfig;
using schedule::ScheduleKind;
using transformer::Recompute;

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

/// ", name value" for each property that is not the family's, without those that every description has.
std::string unusual_properties(const spec::ModelConfig& model) {
  spec::ModelConfig usual = small_model(model.arch);
  usual.layers = model.layers;
  usual.hidden = model.hidden;
  usual.heads = model.heads;
  usual.kv_heads = model.kv_heads;
  usual.ffn = model.ffn;
  usual.vocab = model.vocab;
  usual.tie_embeddings = model.tie_embeddings;
  usual.dropout = model.dropout;
  std::string text;
  spec::for_each_property([&](const auto& property) {
    const auto& value = model.*(property.kValue);
    if (value != usual.*(property.kValue)) text += base::str(", ", property.name, " ", text_of(value));
  });
  return text;
}

/// ", muon nesterov 1, original" for optimizers other than AdamW.
std::string optimizer_text(const TrainerConfig& config) {
  const optim::RuleOptions& rule = config.optimizer;
  if (rule.kind == optim::RuleKind::kAdamW) return "";
  std::string text = base::str(", ", optim::name_of(rule.kind));
  if (rule.kind != optim::RuleKind::kLion) text += base::str(" nesterov ", rule.nesterov);
  if (rule.kind == optim::RuleKind::kMuon) text += base::str(" ", optim::name_of(rule.muon_scale));
  return text;
}

/// ", group NAME (PATTERNS) frozen" for each group; "" without groups.
std::string groups_text(const TrainerConfig& config) {
  std::string text;
  for (const layout::ParameterGroup& group : config.groups) {
    text += base::str(", group ", group.name, " (", base::join(group.patterns), ")");
    if (!group.trainable) text += " frozen";
    if (group.lr_scale != 1) text += base::str(" lr x", group.lr_scale);
    if (group.weight_decay) text += base::str(" decay ", *group.weight_decay);
    if (!group.rule.empty()) text += " " + group.rule;
  }
  return text;
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
                   one.model.dropout, unusual_properties(one.model), optimizer_text(config), groups_text(config),
                   precision[static_cast<int>(config.precision)], one.packed ? ", packed" : "");
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
  return describe(alone) + (one.rounded_start ? ", rounded start" : "");
}

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

bool complete(LayoutCase& one) {
  one.config.model = spec::make_plan(one.model);
  const std::int64_t together = one.config.degrees.dp * one.config.micro_batch;
  one.global_batch = one.config.degrees.dp == 3 ? 12 : 8;
  one.config.micro_batches = one.global_batch / together;
  return one.global_batch % together == 0;
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

namespace {

/// Sums over tp and pp that only some properties need.
std::vector<LayoutCase> odd_property_cases() {
  std::vector<LayoutCase> cases;
  for (const spec::QkNorm qk_norm : {spec::QkNorm::kHead, spec::QkNorm::kWidth}) {
    LayoutCase one = base_case("llama");
    one.config.degrees = {2, 1, 2, 2};
    give_six_heads(one.model);  // key heads 0, 1 and 1, 2 of three
    one.model.qk_norm = qk_norm;
    one.model.qkv_bias = true;
    one.model.norm_unit_offset = qk_norm == spec::QkNorm::kWidth;
    cases.push_back(one);
    one.config.zero = 1;
    one.config.recompute = Recompute::kSelective;
    one.config.degrees = {6, 1, 1, 1};  // each key head on two ranks
    one.config.sequence_parallel = false;
    cases.push_back(one);
  }
  for (const bool sequence_parallel : {false, true}) {
    LayoutCase one = base_case("bert");
    one.config.sequence_parallel = sequence_parallel;
    one.config.degrees = {4, 1, 1, 2};
    one.model.vocab = 3;  // the fourth tp rank has none of it, nor of the head's bias
    cases.push_back(one);
    one.config.degrees = {2, 1, 1, 4};
    one.model.tie_embeddings = false;
    cases.push_back(one);
  }
  for (const spec::NormPlace place :
       {spec::NormPlace::kAfterBranch, spec::NormPlace::kAround, spec::NormPlace::kAfterResidual}) {
    for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
      LayoutCase one = base_case("gpt2");
      one.model.norm_place = place;
      one.model.norm_bias = true;
      one.config.recompute = recompute;
      one.config.degrees = {2, 1, 1, 2};
      cases.push_back(one);
    }
  }
  for (LayoutCase& one : cases) complete(one);
  return cases;
}

}  // namespace

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
  for (LayoutCase& one : odd_property_cases()) cases.push_back(std::move(one));
  return cases;
}

std::vector<std::string> slots_of(const LayoutCase& one, const spec::LogicalTensor& tensor) {
  const layout::StateMap map(one.config.groups, spec::logical_tensors(one.config.model));
  const layout::ParameterGroup& group = map.groups()[map.group_of(tensor.name)];
  if (!group.trainable) return {};
  switch (group.rule.empty() ? one.config.optimizer.kind : one.config.rules.at(group.rule).kind) {
    case optim::RuleKind::kSgd: return {"sgd_momentum"};
    case optim::RuleKind::kLion: return {"lion_momentum"};
    case optim::RuleKind::kMuon:
      if (spec::is_layer_matrix(tensor)) return {"muon_momentum"};
      break;
    case optim::RuleKind::kAdamW: break;
  }
  return {"adam_m", "adam_v"};
}

std::vector<LayoutCase> optimizer_cases() {
  using optim::RuleKind;
  std::vector<LayoutCase> cases;
  const auto add = [&](LayoutCase one, RuleKind kind, const topology::Degrees& degrees, int zero) {
    one.config.optimizer.kind = kind;
    one.config.degrees = degrees;
    one.config.zero = zero;
    cases.push_back(one);
  };
  // Lion needs the sign of every element, and the true gradient of GPT-2's key bias is zero.
  for (const RuleKind kind : {RuleKind::kMuon, RuleKind::kSgd, RuleKind::kLion}) {
    for (const int zero : {0, 1}) {
      add(base_case("llama"), kind, {2, 1, 2, 2}, zero);
      add(base_case("llama"), kind, {1, 1, 3, 1}, zero);
    }
    add(base_case(kind == RuleKind::kLion ? "llama" : "gpt2"), kind, {4, 1, 1, 2}, 0);
    cases.back().config.optimizer.nesterov = false;
  }
  for (const int zero : {0, 1}) {
    LayoutCase one = base_case("llama");
    one.config.optimizer.muon_scale = optim::MuonScale::kOriginal;
    give_six_heads(one.model);
    add(one, RuleKind::kMuon, {2, 1, 2, 2}, zero);  // key heads 0, 1 and 1, 2 of three
    add(one, RuleKind::kMuon, {6, 1, 1, 1}, zero);  // each key head on two ranks
    cases.back().config.sequence_parallel = false;
    one.config.bucket_bytes = 1;
    one.config.sequence_parallel = false;
    one.model.ffn = 2;  // the third tp rank has nothing of it
    add(one, RuleKind::kMuon, {3, 1, 2, 1}, zero);
  }
  for (LayoutCase& one : cases) complete(one);
  return cases;
}

std::vector<LayoutCase> packed_cases() {
  struct Layout {
    topology::Degrees degrees;
    Recompute recompute;
    bool sequence_parallel;
    ScheduleKind kind = ScheduleKind::kOneForwardOneBackward;
    int chunks = 1;
    int zero = 0;
    std::int64_t micro_batch = 1;
  };
  const std::vector<Layout> layouts{
      {{2, 1, 2, 2}, Recompute::kSelective, true, ScheduleKind::kOneForwardOneBackward, 1, 1, 2},
      {{4, 1, 1, 2}, Recompute::kFull, true, ScheduleKind::kGpipe},
      {{2, 1, 1, 2}, Recompute::kNone, false, ScheduleKind::kInterleaved, 2}};
  std::vector<LayoutCase> cases;
  for (const char* family : {"gpt2", "llama", "gemma", "bert"}) {
    for (const Layout& layout : layouts) {
      LayoutCase one = base_case(family);
      one.packed = true;
      if (one.model.arch == "gemma") {
        one.model.window = {3, 0};
        one.model.attention_soft_cap = 2;
      }
      one.config.degrees = layout.degrees;
      one.config.recompute = layout.recompute;
      one.config.sequence_parallel = layout.sequence_parallel;
      one.config.schedule = layout.kind;
      one.config.chunks = layout.chunks;
      one.config.zero = layout.zero;
      one.config.micro_batch = layout.micro_batch;
      complete(one);
      cases.push_back(one);
    }
  }
  return cases;
}

namespace {

LayoutCase frozen_case(const std::string& family, const topology::Degrees& degrees,
                       const std::vector<std::string>& patterns) {
  LayoutCase one = base_case(family);
  one.config.degrees = degrees;
  one.config.groups = {{"still", patterns, false, "", 1, {}}};
  return one;
}

}  // namespace

std::vector<LayoutCase> group_cases() {
  std::vector<LayoutCase> cases;
  cases.push_back(frozen_case("gpt2", {2, 1, 2, 2}, {"embed.*"}));
  cases.push_back(frozen_case("gpt2", {1, 1, 2, 4}, {"embed.*", "layers.0.*", "layers.1.*"}));
  for (const int zero : {0, 1}) {
    LayoutCase one = frozen_case("llama", {2, 1, 2, 2}, {"layers.*.attention.*", "final_norm.*", "head.weight"});
    give_six_heads(one.model);  // key heads 0, 1 and 1, 2 of three
    one.config.zero = zero;
    one.config.recompute = Recompute::kSelective;
    cases.push_back(one);
    one = base_case(zero == 0 ? "gpt2" : "llama");
    one.config.degrees = {2, 1, 2, 2};
    one.config.zero = zero;
    one.config.bucket_bytes = zero == 0 ? 8192 : 1;
    one.config.groups = {{"queries", {"layers.*.q.weight"}, true, "", 0.5, 0.0},
                         {"norms", {"*norm*"}, true, "", 2, {}},
                         {"embedding", {"embed.*"}, true, "", 0.25, 1.0}};
    cases.push_back(one);
  }
  LayoutCase both = frozen_case("bert", {4, 1, 1, 2}, {"layers.1.*", "*_norm.*", "head.bias", "head.transform.*"});
  both.config.groups.push_back({"rest", {"layers.*"}, true, "", 3, 0.5});
  cases.push_back(both);
  for (const int zero : {0, 1}) {
    LayoutCase one = base_case(zero == 0 ? "llama" : "gpt2");
    one.config.degrees = {2, 1, 2, 2};
    one.config.zero = zero;
    const std::vector<std::string> matrices = {"layers.*.q.weight", "layers.*.k.weight", "layers.*.v.weight",
                                               "layers.*.o.weight"};
    one.config.groups = {{"attention", matrices, true, "muon", 0.5, {}},
                         {"ffn", {"layers.*.ffn.*"}, true, "lion", 0.1, 0.0}};
    one.config.rules["muon"].kind = optim::RuleKind::kMuon;
    one.config.rules["lion"].kind = optim::RuleKind::kLion;
    cases.push_back(one);
  }
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

std::vector<LayoutCase> bf16_cases() {
  std::vector<LayoutCase> cases = default_cases();
  for (const char* family : {"qwen", "gemma", "olmo2", "bert"}) {
    for (const topology::Degrees& degrees : {topology::Degrees{2, 1, 2, 2}, {4, 1, 1, 2}, {1, 1, 4, 2}}) {
      LayoutCase one = base_case(family);
      one.config.degrees = degrees;
      one.config.recompute = static_cast<Recompute>(cases.size() % 3);
      one.config.sequence_parallel = degrees.tp == 2;
      one.config.zero = degrees.dp == 4 ? 1 : 0;
      cases.push_back(one);
    }
  }
  for (LayoutCase& one : cases) {
    one.config.precision = pipeline::Precision::kBf16;
    one.first_step_only = true;
    complete(one);
  }
  return cases;
}

}  // namespace trireme::tests
