// Assigns samples to replicas: pure arithmetic on sample numbers. The global batch of a step never depends on the
// layout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trireme::tokens {

/// A row of a batch that holds no sample: tokens 0, no targets.
inline constexpr std::uint64_t kNoSample = UINT64_MAX;

/// Example: global_batch 8, micro_batch 2, dp 2, consumed 100: micro-batch 0 of replica 0 is {100, 101}, of
/// replica 1 {102, 103}; micro-batch 1 of replica 0 is {104, 105}.
struct BatchPlan {
  std::int64_t global_batch = 1;
  std::int64_t micro_batch = 1;
  std::int64_t dp = 1;

  /// Throws base::InputError naming train.global_batch when it is not a multiple of dp * micro_batch.
  void check() const;
  /// How many micro-batches a replica has in a step.
  std::int64_t micro_batches() const { return global_batch / (dp * micro_batch); }
  /// The sample numbers of micro-batch `k` of replica `d` in a step that takes the samples `batch`, global_batch of
  /// them in the order of the global batch.
  std::vector<std::uint64_t> samples(std::span<const std::uint64_t> batch, std::int64_t d, std::int64_t k) const;
  /// The same for the step that takes all samples that follow `consumed`.
  std::vector<std::uint64_t> samples(std::uint64_t consumed, std::int64_t d, std::int64_t k) const;
};

/// Validation over samples [0, count). Every replica gets the same number of micro-batches of full size; the last ones
/// are filled with kNoSample. Sample n is row n of one long batch, distributed as BatchPlan does it.
struct ValidationPlan {
  std::uint64_t count = 0;
  std::int64_t micro_batch = 1;
  std::int64_t dp = 1;

  std::int64_t micro_batches() const;
  std::vector<std::uint64_t> samples(std::int64_t d, std::int64_t k) const;
};

/// How many validation samples to use: `wanted`, or all when that is 0 or more than there are.
std::uint64_t validation_count(std::uint64_t available, std::int64_t wanted);

}  // namespace trireme::tokens
