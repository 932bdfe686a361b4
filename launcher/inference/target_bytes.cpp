#include "launcher/inference/target_bytes.hpp"

#include <algorithm>
#include <numeric>

namespace trireme::launcher {

std::vector<std::uint32_t> bytes_of_tokens(const text::Tokenizer& tokenizer) {
  std::vector<std::uint32_t> bytes(tokenizer.vocabulary_size());
  for (std::uint32_t id = 0; id < bytes.size(); ++id) {
    bytes[id] = tokenizer.is_special(id) ? 0 : static_cast<std::uint32_t>(tokenizer.token(id).size());
  }
  return bytes;
}

std::uint64_t target_bytes(const tokens::DataSource& data, std::uint64_t count,
                           const std::vector<std::uint32_t>& bytes) {
  constexpr std::uint64_t kAtOnce = 16;
  std::uint64_t total = 0;
  for (std::uint64_t first = 0; first < count; first += kAtOnce) {
    std::vector<std::uint64_t> samples(std::min(kAtOnce, count - first));
    std::iota(samples.begin(), samples.end(), first);
    for (const std::int64_t target : data.read(samples).targets) {
      if (target >= 0) total += bytes.at(static_cast<std::size_t>(target));
    }
  }
  return total;
}

}  // namespace trireme::launcher
