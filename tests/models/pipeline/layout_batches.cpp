#include "tests/models/pipeline/layout_batches.hpp"

#include <ATen/ops/empty.h>

#include "base/philox.hpp"

namespace trireme::tests {
namespace {

using transformer::MicroBatch;

std::int64_t token_of(const LayoutCase& one, std::int64_t sample, std::int64_t position) {
  const std::uint64_t draw = base::mix(static_cast<std::uint64_t>(sample), static_cast<std::uint64_t>(position));
  return static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(one.config.model.vocab));
}

bool masked(const LayoutCase& one, std::int64_t sample, std::int64_t position) {
  return one.masked &&
         base::mix(static_cast<std::uint64_t>(sample + 1000), static_cast<std::uint64_t>(position)) % 3 == 0;
}

/// Whether the token begins a document; about every third one does.
bool begins_document(std::int64_t sample, std::int64_t position) {
  return position == 0 ||
         base::mix(static_cast<std::uint64_t>(sample + 2000), static_cast<std::uint64_t>(position)) % 3 == 0;
}

/// Where the document of each token begins, (count, length).
at::Tensor starts_of(std::int64_t first, std::int64_t count, std::int64_t length) {
  at::Tensor starts = at::empty({count, length}, at::kInt);
  auto* to = starts.mutable_data_ptr<std::int32_t>();
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::int64_t position = 0; position < length; ++position, ++to) {
      *to = begins_document(first + row, position) ? static_cast<std::int32_t>(position) : to[-1];
    }
  }
  return starts;
}

}  // namespace

MicroBatch batch_of(const LayoutCase& one, std::int64_t step, std::int64_t first, std::int64_t count,
                    std::int64_t length) {
  MicroBatch batch;
  batch.tokens = at::empty({count, length}, at::kLong);
  batch.targets = at::empty({count, length}, at::kLong);
  batch.step = step;
  for (std::int64_t row = 0; row < count; ++row) {
    batch.samples.push_back(first + row);
    for (std::int64_t position = 0; position < length; ++position) {
      const std::int64_t at = row * length + position;
      batch.tokens.mutable_data_ptr<std::int64_t>()[at] = token_of(one, first + row, position);
      batch.targets.mutable_data_ptr<std::int64_t>()[at] =
          masked(one, first + row, position) ? -1 : token_of(one, first + row, position + 1);
    }
  }
  batch.tokens = batch.tokens.to(one.config.device);
  batch.targets = batch.targets.to(one.config.device);
  if (one.packed) batch.starts = starts_of(first, count, length).to(one.config.device);
  return batch;
}

std::vector<MicroBatch> batches_of(const LayoutCase& one, std::int64_t step, int dp_rank, std::int64_t length) {
  std::vector<MicroBatch> batches;
  const std::int64_t begin = step * one.global_batch + dp_rank * one.config.micro_batches * one.config.micro_batch;
  for (std::int64_t index = 0; index < one.config.micro_batches; ++index) {
    batches.push_back(batch_of(one, step, begin + index * one.config.micro_batch, one.config.micro_batch, length));
  }
  return batches;
}

std::int64_t targets_of(const LayoutCase& one, std::int64_t step) {
  std::int64_t targets = 0;
  for (std::int64_t sample = step * one.global_batch; sample < (step + 1) * one.global_batch; ++sample) {
    for (std::int64_t position = 0; position < one.config.model.sequence; ++position) {
      if (!masked(one, sample, position)) ++targets;
    }
  }
  return targets;
}

}  // namespace trireme::tests
