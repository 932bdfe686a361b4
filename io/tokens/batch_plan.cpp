#include "io/tokens/batch_plan.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::tokens {

void BatchPlan::check() const {
  const std::int64_t unit = dp * micro_batch;
  if (global_batch <= 0 || micro_batch <= 0 || dp <= 0 || global_batch % unit != 0) {
    const std::int64_t below = unit > 0 ? global_batch / unit * unit : 0;
    throw base::InputError(base::str("train.global_batch = ", global_batch,
                                     " is not a positive multiple of dp x micro_batch = ", dp, " x ", micro_batch,
                                     " = ", unit, ": take ", below > 0 ? base::str(below, " or ") : "",
                                     below + std::max<std::int64_t>(unit, 1)));
  }
}

std::vector<std::uint64_t> BatchPlan::samples(std::span<const std::uint64_t> batch, std::int64_t d,
                                              std::int64_t k) const {
  const auto mine =
      batch.subspan(static_cast<std::size_t>((k * dp + d) * micro_batch), static_cast<std::size_t>(micro_batch));
  return {mine.begin(), mine.end()};
}

std::vector<std::uint64_t> BatchPlan::samples(std::uint64_t consumed, std::int64_t d, std::int64_t k) const {
  std::vector<std::uint64_t> numbers(static_cast<std::size_t>(micro_batch));
  const auto first = consumed + static_cast<std::uint64_t>((k * dp + d) * micro_batch);
  for (std::size_t r = 0; r < numbers.size(); ++r) numbers[r] = first + r;
  return numbers;
}

std::int64_t ValidationPlan::micro_batches() const {
  const auto unit = static_cast<std::uint64_t>(dp * micro_batch);
  return static_cast<std::int64_t>((count + unit - 1) / unit);
}

std::vector<std::uint64_t> ValidationPlan::samples(std::int64_t d, std::int64_t k) const {
  auto numbers = BatchPlan{dp * micro_batch, micro_batch, dp}.samples(0, d, k);
  for (auto& number : numbers) {
    if (number >= count) number = kNoSample;
  }
  return numbers;
}

std::uint64_t validation_count(std::uint64_t available, std::int64_t wanted) {
  return wanted <= 0 ? available : std::min(available, static_cast<std::uint64_t>(wanted));
}

}  // namespace trireme::tokens
