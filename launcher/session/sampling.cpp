#include "launcher/session/sampling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "base/error.hpp"
#include "base/philox.hpp"

namespace trireme::launcher {
namespace {

double uniform(const Sampling& sampling, std::int64_t position) {
  const auto bits =
      base::philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
                    static_cast<std::uint32_t>(sampling.index), static_cast<std::uint32_t>(sampling.index >> 32)},
                   base::philox_key(base::mix(sampling.seed, base::name_hash("generate"))));
  return static_cast<double>((std::uint64_t{bits[0]} << 32 | bits[1]) >> 11) * 0x1p-53;
}

struct Candidate {
  double weight;
  float logit;
  std::int32_t token;
};

/// Whether `a` is more likely, or as likely and of a lower id.
bool before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

double mass_of(std::span<const Candidate> candidates) {
  double mass = 0.0;
  for (const Candidate& candidate : candidates) mass += candidate.weight;
  return mass;
}

/// Returns how many of the likeliest candidates it takes until `reached` holds for the sum of their weights; all, if it
/// never does. Those come to stand first, the least likely of them last among them. At least one candidate must be
/// given. As quickselect does, it looks only into the part in which the sum comes to be reached.
template <typename Reached>
std::size_t count_until(std::span<Candidate> candidates, const Reached& reached) {
  std::size_t first = 0, end = candidates.size();
  double mass = 0.0;  // of those in front of `first`
  while (end - first > 1) {
    Candidate &a = candidates[first], &b = candidates[first + (end - first) / 2], &last = candidates[end - 1];
    // The median of three goes to the end.
    if (before(b, a)) std::swap(a, b);
    if (before(last, a)) {
      std::swap(a, last);
    } else if (before(b, last)) {
      std::swap(b, last);
    }
    const Candidate pivot = last;
    std::size_t at = first;
    double more_likely = 0.0;
    for (std::size_t i = first; i + 1 < end; ++i) {
      if (!before(candidates[i], pivot)) continue;
      more_likely += candidates[i].weight;
      std::swap(candidates[i], candidates[at++]);
    }
    std::swap(candidates[at], last);
    if (reached(mass + more_likely)) {
      end = at;
      continue;
    }
    mass += more_likely + pivot.weight;
    first = at + 1;
    if (reached(mass)) return first;
  }
  return std::max<std::size_t>(1, end);
}

/// The largest logit. Throws base::InputError when one is not a number.
float largest(std::span<const float> logits, std::int64_t position) {
  // Sixteen at a time, which the compiler makes vectors of: one comparison after another takes ten times as long.
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> lanes;
  lanes.fill(logits.front());
  std::array<std::int32_t, kLanes> not_a_number{};
  const auto look = [&](std::size_t lane, float logit) {
    not_a_number[lane] |= logit == logit ? 0 : 1;
    lanes[lane] = logit > lanes[lane] ? logit : lanes[lane];
  };
  const std::size_t whole = logits.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) look(lane, logits[i + lane]);
  }
  for (std::size_t i = whole; i < logits.size(); ++i) look(0, logits[i]);
  if (std::ranges::any_of(not_a_number, [](std::int32_t x) { return x != 0; })) {
    throw base::InputError(
        base::str("the model's logits at position ", position,
                  " are not numbers (NaN): its weights are damaged, or training had diverged; choose "
                  "an earlier checkpoint"));
  }
  return *std::ranges::max_element(lanes);
}

/// The tokens that top-k keeps, without those whose weight is 0.
std::vector<Candidate> candidates_of(std::span<const float> logits, const Sampling& sampling, float most) {
  const std::int64_t count = std::ssize(logits);
  const bool cut = sampling.top_k > 0 && sampling.top_k < count;
  float least = 0.0F;           // the smallest logit that top-k keeps
  std::int64_t equals = count;  // and how many of those that have it
  if (cut) {
    std::vector<float> values(logits.begin(), logits.end());
    const auto last = values.begin() + sampling.top_k - 1;
    std::nth_element(values.begin(), last, values.end(), std::greater<>());
    least = *last;
    equals = sampling.top_k - std::count_if(values.begin(), last, [&](float x) { return x > least; });
  }
  std::vector<Candidate> candidates;
  candidates.reserve(static_cast<std::size_t>(cut ? sampling.top_k : count));
  for (std::int64_t token = 0; token < count; ++token) {
    const float logit = logits[static_cast<std::size_t>(token)];
    if (cut && (logit < least || (logit == least && equals-- <= 0))) continue;
    const double weight = logit == most ? 1.0 : std::exp((static_cast<double>(logit) - most) / sampling.temperature);
    if (weight > 0.0) candidates.push_back({weight, logit, static_cast<std::int32_t>(token)});
  }
  return candidates;
}

}  // namespace

std::int64_t choose_token(std::span<const float> logits, const Sampling& sampling, std::int64_t position) {
  if (logits.empty()) throw base::Error("there are no logits to choose a token from");
  const float most = largest(logits, position);
  if (sampling.temperature == 0.0) return std::find(logits.begin(), logits.end(), most) - logits.begin();
  std::vector<Candidate> candidates = candidates_of(logits, sampling, most);
  double total = mass_of(candidates);
  if (sampling.top_p < 1.0) {
    candidates.resize(count_until(candidates, [&](double mass) { return mass >= sampling.top_p * total; }));
    total = mass_of(candidates);
  }
  const double drawn = uniform(sampling, position) * total;
  return candidates[count_until(candidates, [&](double mass) { return mass > drawn; }) - 1].token;
}

}  // namespace trireme::launcher
