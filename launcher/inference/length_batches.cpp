#include "launcher/inference/length_batches.hpp"

#include <algorithm>
#include <numeric>

namespace trireme::launcher {

std::vector<std::vector<std::size_t>> length_batches(const std::vector<std::size_t>& lengths, std::size_t most) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<std::size_t>> batches;
  for (const std::size_t number : order) {
    const bool fits =
        !batches.empty() && batches.back().size() < most && lengths[batches.back().front()] == lengths[number];
    if (!fits) batches.emplace_back();
    batches.back().push_back(number);
  }
  return batches;
}

}  // namespace trireme::launcher
