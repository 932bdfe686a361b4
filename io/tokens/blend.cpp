#include "io/tokens/blend.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"

namespace trireme::tokens {
namespace {

constexpr std::uint64_t kLongestPeriod = 100'000;

bool all_whole(const std::vector<double>& fractions, std::uint64_t period, std::vector<std::uint64_t>& shares) {
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    const double share = fractions[i] * static_cast<double>(period);
    const double whole = std::round(share);
    if (whole < 1 || std::abs(share - whole) > 1e-9 * whole) return false;
    shares[i] = static_cast<std::uint64_t>(whole);
  }
  return std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}) == period;
}

std::vector<std::uint64_t> whole_shares(const std::vector<double>& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> fractions;
  for (const double weight : weights) fractions.push_back(weight / total);
  std::vector<std::uint64_t> shares(weights.size());
  for (std::uint64_t period = weights.size(); period <= kLongestPeriod; ++period) {
    if (all_whole(fractions, period, shares)) return shares;
  }
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    shares[i] =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(fractions[i] * double{kLongestPeriod})));
  }
  return shares;
}

/// The number that `word` is; nothing when it is none.
std::optional<double> weight_of(const std::string& key, const std::string& path, std::string_view word) {
  double weight = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), weight);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  if (!std::isfinite(weight) || weight <= 0) {
    throw base::InputError(base::str(key, ": the weight ", word, " of ", path, " is not a positive number"));
  }
  return weight;
}

DatasetChoice choice_of(const std::string& key, const base::ListItem& item) {
  if (item.quoted) {
    if (item.rest.empty()) return {item.name, 0};
    if (const auto weight = weight_of(key, item.name, item.rest)) return {item.name, *weight};
    throw base::InputError(
        base::str(key, ": after \"", item.name, "\" a comma or a weight must follow, not ", item.rest));
  }
  const std::size_t space = item.name.find_last_of(" \t");
  if (space == std::string::npos) return {item.name, 0};
  const std::string path(base::trimmed(std::string_view(item.name).substr(0, space)));
  const auto weight = weight_of(key, path, std::string_view(item.name).substr(space + 1));
  return weight ? DatasetChoice{path, *weight} : DatasetChoice{item.name, 0};
}

}  // namespace

std::vector<DatasetChoice> parse_dataset_list(const std::string& key, const std::string& value) {
  std::vector<DatasetChoice> choices;
  for (const base::ListItem& item : base::split_list(value)) {
    if (item.name.empty()) {
      throw base::InputError(base::str(key, " = \"", value, "\" names no dataset",
                                       choices.empty() ? "" : " after a comma",
                                       ": give FILE.h5, or FILE.h5 WEIGHT, FILE.h5 WEIGHT"));
    }
    choices.push_back(choice_of(key, item));
  }
  return choices;
}

std::vector<double> blend_weights(const std::string& key, const std::vector<DatasetChoice>& choices) {
  std::vector<double> weights;
  for (const DatasetChoice& choice : choices) {
    if (choice.weight > 0) weights.push_back(choice.weight);
  }
  if (weights.empty() || weights.size() == choices.size()) return weights;
  const auto without =
      std::find_if(choices.begin(), choices.end(), [](const auto& choice) { return choice.weight <= 0; });
  throw base::InputError(base::str(key, ": ", without->path, " has no weight but others do: give all or none"));
}

Blend::Blend(const std::vector<double>& weights) {
  for (const double weight : weights) {
    if (!std::isfinite(weight) || weight <= 0) throw base::Error("blend weights must be positive numbers");
  }
  if (weights.empty()) throw base::Error("a blend needs at least one dataset");
  shares_ = whole_shares(weights);
  const std::uint64_t period = std::accumulate(shares_.begin(), shares_.end(), std::uint64_t{0});
  std::vector<std::uint64_t> drawn(shares_.size(), 0);
  slots_.reserve(period);
  for (std::uint64_t n = 0; n < period; ++n) {
    // The deficit of dataset i before this draw, times the period: (n + 1) * share - drawn * period. All integers.
    std::size_t best = 0;
    std::int64_t best_deficit = INT64_MIN;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      const auto deficit =
          static_cast<std::int64_t>((n + 1) * shares_[i]) - static_cast<std::int64_t>(drawn[i] * period);
      if (drawn[i] < shares_[i] && deficit > best_deficit) {
        best = i;
        best_deficit = deficit;
      }
    }
    slots_.push_back({static_cast<std::uint32_t>(best), static_cast<std::uint32_t>(drawn[best]++)});
  }
}

Blend::Draw Blend::at(std::uint64_t sample_number) const {
  const Slot slot = slots_[sample_number % slots_.size()];
  return {slot.dataset, sample_number / slots_.size() * shares_[slot.dataset] + slot.ordinal};
}

}  // namespace trireme::tokens
