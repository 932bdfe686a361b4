#include "tests/models/pipeline/pair_cases.hpp"

#include <functional>
#include <initializer_list>
#include <type_traits>

#include "base/error.hpp"
#include "tests/models/pipeline/property_text.hpp"
#include "tests/support/covering_array.hpp"

namespace trireme::tests {
namespace {

using spec::ModelConfig;
using transformer::Recompute;

struct Level {
  std::string name;
  std::function<void(LayoutCase&)> set;
};

struct Factor {
  std::string name;
  std::vector<Level> levels;
};

/// A factor whose levels are values of a member of `Owner`, at `place` in a case.
template <typename Owner, typename Value>
Factor over(const char* name, Owner LayoutCase::*place, Value Owner::*member,
            const std::vector<std::type_identity_t<Value>>& values) {
  Factor factor{name, {}};
  for (const Value& value : values) {
    factor.levels.push_back({text_of(value), [=](LayoutCase& one) { (one.*place).*member = value; }});
  }
  return factor;
}

template <typename Value>
Factor property(const char* name, Value spec::ModelProperties<spec::Itself>::*member,
                const std::vector<std::type_identity_t<Value>>& values) {
  return over(name, &LayoutCase::model, static_cast<Value ModelConfig::*>(member), values);
}

template <typename Value, typename Part>
Factor option(const char* name, Value Part::*member, const std::vector<std::type_identity_t<Value>>& values) {
  return over(name, &LayoutCase::config, static_cast<Value pipeline::TrainerConfig::*>(member), values);
}

Factor layouts() {
  Factor factor{"layout", {}};
  for (const topology::Degrees& degrees : std::initializer_list<topology::Degrees>{{2, 1, 2, 2},
                                                                                   {4, 1, 1, 2},
                                                                                   {2, 1, 1, 4},
                                                                                   {1, 1, 2, 4},
                                                                                   {1, 1, 4, 2},
                                                                                   {4, 1, 2, 1},
                                                                                   {2, 1, 3, 1},
                                                                                   {1, 1, 3, 2},
                                                                                   {2, 1, 1, 2}}) {
    factor.levels.push_back({topology::to_string(degrees), [=](LayoutCase& one) { one.config.degrees = degrees; }});
  }
  return factor;
}

Factor schedules() {
  Factor factor{"schedule", {}};
  for (const auto kind : {schedule::ScheduleKind::kGpipe, schedule::ScheduleKind::kOneForwardOneBackward,
                          schedule::ScheduleKind::kInterleaved}) {
    factor.levels.push_back({schedule::name_of(kind), [=](LayoutCase& one) { one.config.schedule = kind; }});
  }
  return factor;
}

Factor recomputes() {
  return {"recompute",
          {{"none", [](LayoutCase& one) { one.config.recompute = Recompute::kNone; }},
           {"selective", [](LayoutCase& one) { one.config.recompute = Recompute::kSelective; }},
           {"full", [](LayoutCase& one) { one.config.recompute = Recompute::kFull; }}}};
}

std::vector<Factor> options() {
  using pipeline::TrainerConfig;
  return {layouts(),
          schedules(),
          option("chunks", &TrainerConfig::chunks, {1, 2}),
          option("sequence_parallel", &TrainerConfig::sequence_parallel, {false, true}),
          recomputes(),
          option("zero", &TrainerConfig::zero, {0, 1}),
          option("micro_batch", &TrainerConfig::micro_batch, {1, 2}),
          option("clip", &TrainerConfig::clip, {0.0, 0.5}),
          {"masked",
           {{"no", [](LayoutCase& one) { one.masked = false; }}, {"yes", [](LayoutCase& one) { one.masked = true; }}}}};
}

/// The stretched lengths are below the samples' 8 tokens, so that every scaling changes some angle.
std::vector<Factor> positions() {
  using spec::Positions;
  using spec::RopeScaling;
  Factor scaling{"rope_scaling", {}};
  for (const RopeScaling kind : {RopeScaling::kNone, RopeScaling::kLinear, RopeScaling::kLlama3, RopeScaling::kYarn}) {
    scaling.levels.push_back({spec::word_of(kind), [=](LayoutCase& one) {
                                one.model.rope_scaling = {kind};
                                one.model.rope_factor = kind == RopeScaling::kNone ? 1 : 2;
                                if (kind == RopeScaling::kLlama3 || kind == RopeScaling::kYarn)
                                  one.model.rope_original_sequence = 4;
                              }});
  }
  return {property("positions", &ModelConfig::positions, {Positions::kRotary, Positions::kLearned, Positions::kNone}),
          std::move(scaling), property("rope_fraction", &ModelConfig::rope_fraction, {1, 0.5}),
          property("rope_theta", &ModelConfig::rope_theta, {{10000}, {100, 0}})};
}

std::vector<Factor> properties() {
  using spec::Activation;
  using spec::Mask;
  using spec::NormKind;
  using spec::NormPlace;
  using spec::QkNorm;
  return {
      property("vocab", &ModelConfig::vocab, {64, 61}),
      property("layers", &ModelConfig::layers, {8, 9}),
      property("kv_heads", &ModelConfig::kv_heads, {4, 2, 1}),
      property("head_size", &ModelConfig::head_size, {4, 8}),
      property("tie_embeddings", &ModelConfig::tie_embeddings, {false, true}),
      property("dropout", &ModelConfig::dropout, {0, 0.1}),
      property("norm", &ModelConfig::norm, {NormKind::kLayer, NormKind::kRms}),
      property("norm_bias", &ModelConfig::norm_bias, {false, true}),
      property("norm_unit_offset", &ModelConfig::norm_unit_offset, {false, true}),
      property("norm_place", &ModelConfig::norm_place,
               {NormPlace::kBefore, NormPlace::kAfterBranch, NormPlace::kAround, NormPlace::kAfterResidual}),
      property("final_norm", &ModelConfig::final_norm, {true, false}),
      property("mask", &ModelConfig::mask, {Mask::kCausal, Mask::kFull}),
      property("window", &ModelConfig::window, {{0}, {3}, {3, 0}}),
      property("attention_scale", &ModelConfig::attention_scale, {0, 0.3}),
      property("attention_soft_cap", &ModelConfig::attention_soft_cap, {0, 2}),
      property("qk_norm", &ModelConfig::qk_norm, {QkNorm::kNone, QkNorm::kHead, QkNorm::kWidth}),
      property("qkv_bias", &ModelConfig::qkv_bias, {false, true}),
      property("o_bias", &ModelConfig::o_bias, {false, true}),
      property("ffn_gated", &ModelConfig::ffn_gated, {false, true}),
      property("activation", &ModelConfig::activation,
               {Activation::kGelu, Activation::kGeluTanh, Activation::kSilu, Activation::kRelu}),
      property("ffn_bias", &ModelConfig::ffn_bias, {false, true}),
      property("token_types", &ModelConfig::token_types, {0, 2}),
      property("embedding_scale", &ModelConfig::embedding_scale, {1, 4}),
      property("embedding_norm", &ModelConfig::embedding_norm, {false, true}),
      property("residual_scale", &ModelConfig::residual_scale, {1, 0.5}),
      property("head_bias", &ModelConfig::head_bias, {false, true}),
      property("head_scale", &ModelConfig::head_scale, {1, 0.5}),
      property("head_soft_cap", &ModelConfig::head_soft_cap, {0, 3}),
      property("head_transform", &ModelConfig::head_transform, {false, true}),
  };
}

std::vector<Factor> all_factors() {
  std::vector<Factor> all;
  for (const std::vector<Factor>& some : {options(), positions(), properties()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

class Pairs {
 public:
  PairCases build() const {
    std::vector<int> levels;
    for (const Factor& factor : factors_) levels.push_back(static_cast<int>(factor.levels.size()));
    CoveringArrayBuilder builder(levels, [this](const Row& row) { return refusal(row).empty(); });
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

 private:
  const Level& level(std::size_t factor, int level) const {
    return factors_[factor].levels[static_cast<std::size_t>(level)];
  }

  LayoutCase case_of(const Row& row) const {
    LayoutCase one = base_case("llama");
    for (std::size_t factor = 0; factor < row.size(); ++factor) level(factor, row[factor]).set(one);
    return one;
  }

  std::string refusal(const Row& row) const {
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
  std::string refusal_of_pair(const std::vector<int>& pair) const {
    const auto text = [&](int factor, int at) {
      const auto index = static_cast<std::size_t>(factor);
      return base::str(factors_[index].name, " = ", level(index, at).name);
    };
    Row row(factors_.size(), 0);
    row[static_cast<std::size_t>(pair[0])] = pair[1];
    row[static_cast<std::size_t>(pair[2])] = pair[3];
    return base::str(text(pair[0], pair[1]), " with ", text(pair[2], pair[3]), ": ", refusal(row));
  }

  const std::vector<Factor> factors_ = all_factors();
};

}  // namespace

PairCases pair_cases() { return Pairs().build(); }

}  // namespace trireme::tests
