#include "launcher/session/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/philox.hpp"

namespace trireme::launcher {
namespace {

double uniform(std::uint64_t seed, std::int64_t position) {
  const auto bits =
      base::philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0, 0},
                   base::philox_key(base::mix(seed, base::name_hash("generate"))));
  return static_cast<double>((std::uint64_t{bits[0]} << 32 | bits[1]) >> 11) * 0x1p-53;
}

}  // namespace

std::int64_t choose_token(std::span<const float> logits, const Sampling& sampling, std::int64_t position) {
  if (sampling.temperature == 0.0) return std::max_element(logits.begin(), logits.end()) - logits.begin();
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return logits[a] > logits[b]; });
  if (sampling.top_k > 0 && sampling.top_k < std::ssize(order)) order.resize(static_cast<std::size_t>(sampling.top_k));

  std::vector<double> weights;
  for (const std::int64_t token : order) {
    weights.push_back(std::exp((static_cast<double>(logits[token]) - logits[order.front()]) / sampling.temperature));
  }
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sampling.top_p < 1.0) {
    double mass = 0.0;
    std::size_t kept = 0;
    while (kept < weights.size() && (kept == 0 || mass < sampling.top_p * total)) mass += weights[kept++];
    weights.resize(kept);
    total = mass;
  }
  double remaining = uniform(sampling.seed, position) * total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    remaining -= weights[i];
    if (remaining < 0.0) return order[i];
  }
  return order[weights.size() - 1];
}

}  // namespace trireme::launcher
