#include "models/transformer/rotary.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trireme::transformer {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

double llama3_frequency(double frequency, const spec::RotarySpec& rotary) {
  const auto original = static_cast<double>(rotary.original_sequence);
  const double wavelength = kTurn / frequency;
  if (wavelength > original / rotary.low_frequency) return frequency / rotary.factor;
  if (wavelength < original / rotary.high_frequency) return frequency;
  const double kept = (original / wavelength - rotary.low_frequency) / (rotary.high_frequency - rotary.low_frequency);
  return (1 - kept) * frequency / rotary.factor + kept * frequency;
}

/// The pair that turns `turns` times within the original length.
double pair_with_turns(double turns, double rotated, const spec::RotarySpec& rotary) {
  const double positions_a_turn = static_cast<double>(rotary.original_sequence) / (turns * kTurn);
  return rotated * std::log(positions_a_turn) / (2 * std::log(rotary.theta));
}

/// Which part of pair `pair` is stretched: 0 for fast pairs, 1 for slow ones, a ramp between.
double stretched_part(double pair, double rotated, const spec::RotarySpec& rotary) {
  const double low = std::max(std::floor(pair_with_turns(rotary.beta_fast, rotated, rotary)), 0.0);
  double high = std::min(std::ceil(pair_with_turns(rotary.beta_slow, rotated, rotary)), rotated - 1);
  if (low == high) high += 0.001;  // a step instead of a ramp
  return std::clamp((pair - low) / (high - low), 0.0, 1.0);
}

}  // namespace

std::vector<double> rotary_frequencies(const spec::AttentionSpec& attention) {
  const spec::RotarySpec& rotary = attention.rotary;
  const std::int64_t rotated = attention.rotated();
  std::vector<double> frequencies;
  for (std::int64_t pair = 0; pair < rotated / 2; ++pair) {
    const auto i = static_cast<double>(pair);
    const double frequency = std::pow(rotary.theta, -2.0 * i / static_cast<double>(rotated));
    switch (rotary.scaling) {
      case spec::RopeScaling::kNone: frequencies.push_back(frequency); break;
      case spec::RopeScaling::kLinear: frequencies.push_back(frequency / rotary.factor); break;
      case spec::RopeScaling::kLlama3: frequencies.push_back(llama3_frequency(frequency, rotary)); break;
      case spec::RopeScaling::kYarn: {
        const double part = stretched_part(i, static_cast<double>(rotated), rotary);
        frequencies.push_back(frequency / rotary.factor * part + frequency * (1 - part));
        break;
      }
    }
  }
  return frequencies;
}

RotaryTables rotary_tables(std::int64_t positions, const spec::AttentionSpec& attention, at::ScalarType type,
                           at::Device device) {
  const std::vector<double> frequencies = rotary_frequencies(attention);
  const double factor = attention.rotary.attention_factor;
  const auto half = static_cast<std::int64_t>(frequencies.size());
  at::Tensor cosine = at::empty({positions, half}, at::kDouble);
  at::Tensor sine = at::empty({positions, half}, at::kDouble);
  double* cosines = cosine.mutable_data_ptr<double>();
  double* sines = sine.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < half; ++i) {
    for (std::int64_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) * frequencies[static_cast<std::size_t>(i)];
      cosines[p * half + i] = std::cos(angle) * factor;
      sines[p * half + i] = std::sin(angle) * factor;
    }
  }
  return {cosine.to(device, type), sine.to(device, type)};
}

const RotaryCache::Entry* RotaryCache::find(const spec::AttentionSpec& attention) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.head_size == attention.head_size && entry.rotary == attention.rotary;
  });
  return found == entries_.end() ? nullptr : &*found;
}

void RotaryCache::prepare(const spec::AttentionSpec& attention, std::int64_t positions) {
  if (attention.rotary.theta == 0) return;
  const Entry* known = find(attention);
  if (known != nullptr && known->tables.cosine.size(0) >= positions) return;
  RotaryTables tables = rotary_tables(positions, attention, type_, device_);
  if (known != nullptr) {
    entries_[static_cast<std::size_t>(known - entries_.data())].tables = std::move(tables);
  } else {
    entries_.push_back({attention.head_size, attention.rotary, std::move(tables)});
  }
}

RotaryTables RotaryCache::tables(const spec::AttentionSpec& attention) const {
  const Entry* known = find(attention);
  return known == nullptr ? RotaryTables{} : known->tables;
}

RotaryCache RotaryCache::at(const at::Tensor& positions) const {
  RotaryCache chosen = *this;
  for (Entry& entry : chosen.entries_) {
    entry.tables = {entry.tables.cosine.index_select(0, positions), entry.tables.sine.index_select(0, positions), true};
  }
  return chosen;
}

}  // namespace trireme::transformer
