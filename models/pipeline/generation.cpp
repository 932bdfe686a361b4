#include "models/pipeline/generation.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/error.hpp"
#include "models/parallel/data_type.hpp"
#include "models/parallel/host_read.hpp"

namespace trireme::pipeline {
namespace {

/// Tokens of a long text that go through the model at a time.
constexpr std::int64_t kPiece = 512;

/// Sequences that advance together: as many as one reading of the weights serves on a CPU (kernels::row_product()).
std::int64_t rows_together(const at::TensorOptions& options) { return options.device().is_cpu() ? 48 : 256; }

}  // namespace

Generation::Generation(Stage& stage, const spec::ModelPlan& model, const at::TensorOptions& options)
    : stage_(stage), model_(model), options_(options) {
  transformer::Chunk::check_generation(model);
}

int Generation::open(std::int64_t capacity) {
  int slot = 0;
  while (sequences_.contains(slot)) ++slot;
  Sequence sequence;
  sequence.capacity = capacity;
  for (transformer::Chunk& chunk : stage_.chunks) sequence.caches.push_back(chunk.make_cache(capacity));
  sequences_.emplace(slot, std::move(sequence));
  return slot;
}

at::Tensor Generation::append(int slot, std::span<const std::int64_t> tokens) {
  Sequence& sequence = at(slot);
  const std::int64_t total = std::ssize(tokens);
  if (total < 1) throw base::Error("no token was given to append");
  for (std::int64_t first = 0;; first += kPiece) {
    const std::int64_t count = std::min(kPiece, total - first);
    const bool last = first + count == total;
    const at::Tensor logits = infer({{&sequence}, {count}, tokens.subspan(first, count)}, last);
    if (last) return logits.select(0, 0);
  }
}

at::Tensor Generation::advance(std::span<const int> slots, std::span<const std::int64_t> tokens) {
  if (slots.size() != tokens.size() || slots.empty()) throw base::Error("each sequence advances by one token");
  const std::int64_t most = rows_together(options_), total = std::ssize(slots);
  std::vector<at::Tensor> logits;
  for (std::int64_t first = 0; first < total; first += most) {
    const std::int64_t count = std::min(most, total - first);
    Rows rows;
    for (const int slot : slots.subspan(first, count)) rows.sequences.push_back(&at(slot));
    rows.counts.assign(count, 1);
    rows.tokens = tokens.subspan(first, count);
    logits.push_back(infer(rows, true));
  }
  return logits.size() == 1 ? logits.front() : at::cat(logits);
}

void Generation::release(int slot) {
  at(slot);
  sequences_.erase(slot);
}

const Generation::Sequence& Generation::at(int slot) const {
  const auto found = sequences_.find(slot);
  if (found == sequences_.end()) throw base::Error(base::str("no sequence has the number ", slot));
  return found->second;
}

void Generation::check_room(const Rows& rows) {
  for (std::size_t i = 0; i < rows.sequences.size(); ++i) {
    const Sequence& sequence = *rows.sequences[i];
    if (sequence.tokens + rows.counts[i] > sequence.capacity) {
      throw base::Error(base::str("a sequence of at most ", sequence.capacity, " tokens was given ",
                                  sequence.tokens + rows.counts[i]));
    }
    if (std::ranges::count(rows.sequences, &sequence) > 1) throw base::Error("a sequence cannot advance twice at once");
  }
}

at::Tensor Generation::infer(const Rows& rows, bool logits) {
  check_room(rows);
  const std::int64_t total = std::ssize(rows.tokens);
  const at::Tensor host = at::empty({total}, at::kLong);
  std::ranges::copy(rows.tokens, host.mutable_data_ptr<std::int64_t>());
  const at::Tensor tokens = host.to(options_.device());
  at::Tensor found;
  if (logits) found = at::empty({std::ssize(rows.sequences), model_.vocab}, options_.dtype(at::kFloat));
  relay(stage_, {{total, 1, model_.hidden}, options_}, [&](int chunk, const at::Tensor& input) {
    std::vector<transformer::NewTokens> sequences;
    for (std::size_t i = 0; i < rows.sequences.size(); ++i) {
      const auto local = static_cast<std::size_t>(chunk / stage_.stages);
      sequences.push_back({rows.sequences[i]->caches[local].get(), rows.counts[i]});
    }
    at::Tensor output = stage_.chunk(chunk).infer(tokens, input, sequences, logits);
    if (logits && chunk == stage_.total() - 1) found.copy_(output);
    return output;
  });
  for (std::size_t i = 0; i < rows.sequences.size(); ++i) rows.sequences[i]->tokens += rows.counts[i];
  if (!logits) return {};
  if (stage_.pp != nullptr) {
    stage_.pp->broadcast(found.mutable_data_ptr(), static_cast<std::size_t>(found.numel()), parallel::data_type(found),
                         stage_.stages - 1);
  }
  return parallel::read_host(found);
}

}  // namespace trireme::pipeline
