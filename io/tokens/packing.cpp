#include "io/tokens/packing.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace trireme::tokens {

std::vector<std::vector<std::uint64_t>> pack_documents(std::span<const std::uint32_t> lengths, std::uint64_t sequence) {
  std::vector<std::uint64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::uint64_t document) { return lengths[document]; });
  std::vector<std::vector<std::uint64_t>> samples;
  std::map<std::uint64_t, std::vector<std::size_t>> with_room;  // tokens that are free -> samples
  for (const std::uint64_t document : order) {
    const std::uint64_t length = lengths[document];
    std::size_t sample = samples.size();
    std::uint64_t room = sequence;
    if (const auto fullest = with_room.lower_bound(length); fullest != with_room.end()) {
      room = fullest->first;
      sample = fullest->second.back();
      fullest->second.pop_back();
      if (fullest->second.empty()) with_room.erase(fullest);
    } else {
      samples.emplace_back();
    }
    samples[sample].push_back(document);
    if (room > length) with_room[room - length].push_back(sample);
  }
  for (auto& sample : samples) std::ranges::sort(sample);
  std::ranges::sort(samples, {}, [](const auto& sample) { return sample.front(); });
  return samples;
}

}  // namespace trireme::tokens
