#include "launcher/inference/scoring.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "launcher/inference/length_batches.hpp"

namespace trireme::launcher {
namespace {

using collectives::DataType;
using collectives::ReduceOp;

// Rank 0's numbers, on all ranks.
std::vector<std::int64_t> share_numbers(Session& session, const std::vector<std::int64_t>& numbers) {
  std::string bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(std::int64_t));
  bytes = collectives::share_text(session.world().control(), std::move(bytes));
  std::vector<std::int64_t> shared(bytes.size() / sizeof(std::int64_t));
  std::memcpy(shared.data(), bytes.data(), bytes.size());
  return shared;
}

std::vector<EncodedPair> share_pairs(Session& session, const std::vector<EncodedPair>& pairs) {
  std::vector<std::int64_t> numbers;
  for (const EncodedPair& pair : pairs) {
    numbers.push_back(std::ssize(pair.tokens));
    numbers.push_back(static_cast<std::int64_t>(pair.first));
    numbers.insert(numbers.end(), pair.tokens.begin(), pair.tokens.end());
  }
  numbers = share_numbers(session, numbers);
  std::vector<EncodedPair> shared;
  for (auto at = numbers.begin(); at != numbers.end();) {
    EncodedPair pair;
    const std::int64_t tokens = *at++;
    pair.first = static_cast<std::size_t>(*at++);
    for (std::int64_t i = 0; i < tokens; ++i) pair.tokens.push_back(static_cast<std::uint32_t>(*at++));
    shared.push_back(std::move(pair));
  }
  return shared;
}

std::vector<EncodedText> share_texts(Session& session, const std::vector<EncodedText>& texts) {
  std::vector<std::int64_t> numbers;
  for (const EncodedText& text : texts) {
    numbers.push_back(std::ssize(text.tokens));
    numbers.insert(numbers.end(), text.tokens.begin(), text.tokens.end());
    numbers.insert(numbers.end(), text.types.begin(), text.types.end());
  }
  numbers = share_numbers(session, numbers);
  std::vector<EncodedText> shared;
  for (auto at = numbers.begin(); at != numbers.end();) {
    EncodedText text;
    const std::int64_t tokens = *at++;
    for (std::int64_t i = 0; i < tokens; ++i) text.tokens.push_back(static_cast<std::uint32_t>(*at++));
    for (std::int64_t i = 0; i < tokens; ++i) text.types.push_back(*at++);
    shared.push_back(std::move(text));
  }
  return shared;
}

// Whether this rank's results count: those of the other ranks of its replica are the same.
bool speaks_for_replica(const Session& session) { return session.position().tp == 0 && session.position().pp == 0; }

// The job computes this many times the texts of a rank's batch at a time.
std::size_t replicas(const Session& session) { return static_cast<std::size_t>(session.resolved().degrees.dp); }

// The end of a window of items from `first` on that have at most `most` values together, at least one item.
std::size_t window_end(const std::vector<std::size_t>& values, std::size_t first, std::size_t most) {
  std::size_t end = first, total = 0;
  while (end < values.size() && (end == first || total + values[end] <= most)) total += values[end++];
  return end;
}

// Where each item's values begin in one array of all; the array's length comes last.
std::vector<std::size_t> places_of(std::span<const std::size_t> values) {
  std::vector<std::size_t> places = {0};
  for (const std::size_t count : values) places.push_back(places.back() + count);
  return places;
}

// The batches of this dp rank.
std::vector<std::vector<std::size_t>> own_batches(const Session& session, const std::vector<std::size_t>& lengths,
                                                  std::size_t most) {
  const auto all = length_batches(lengths, most);
  const std::size_t dp = replicas(session);
  std::vector<std::vector<std::size_t>> own;
  for (auto k = static_cast<std::size_t>(session.position().dp); k < all.size(); k += dp) own.push_back(all[k]);
  return own;
}

// What the model reads of some pairs, and the continuations as its targets.
tokens::Batch batch_of(std::span<const EncodedPair> pairs, const std::vector<std::size_t>& numbers) {
  tokens::Batch batch;
  for (const std::size_t number : numbers) {
    const EncodedPair& pair = pairs[number];
    const auto last = pair.tokens.end() - 1;
    batch.tokens.insert(batch.tokens.end(), pair.tokens.begin(), last);
    batch.targets.insert(batch.targets.end(), pair.first - 1, -1);
    batch.targets.insert(batch.targets.end(), pair.tokens.begin() + static_cast<std::ptrdiff_t>(pair.first),
                         pair.tokens.end());
    batch.samples.push_back(number);
  }
  return batch;
}

// The hidden states of a batch, or what the pooler makes of them, row-major.
std::vector<float> vectors_of(Session& session, const transformer::MicroBatch& batch, Pooling pooling) {
  const bool pooler = pooling == Pooling::kPooler;
  const at::Tensor wide = pooler ? session.model().pooled(batch) : session.model().hidden(batch);
  const at::Tensor found = wide.to(at::kFloat).contiguous();
  const float* values = found.const_data_ptr<float>();
  return {values, values + found.numel()};
}

}  // namespace

std::vector<PairScore> score_pairs(Session& session, std::vector<EncodedPair> pairs, std::size_t batch,
                                   const TextsDone& done) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 14;  // targets
  pairs = share_pairs(session, pairs);
  std::vector<std::size_t> counts;
  for (const EncodedPair& pair : pairs) counts.push_back(pair.tokens.size() - pair.first);
  std::vector<PairScore> scores(pairs.size());
  for (std::size_t first = 0; first < pairs.size();) {
    const std::size_t end = window_end(counts, first, kAtOnce);
    const std::span<const EncodedPair> window = std::span(pairs).subspan(first, end - first);
    const std::vector<std::size_t> places = places_of(std::span(counts).subspan(first, end - first));
    // A target's log-probability, and behind all of them whether it is the most likely token.
    const std::size_t targets = places.back();
    std::vector<double> values(2 * targets, 0.0);
    std::vector<std::size_t> lengths;
    for (const EncodedPair& pair : window) lengths.push_back(pair.tokens.size() - 1);
    std::size_t computed = first;
    for (const auto& numbers : own_batches(session, lengths, batch)) {
      const pipeline::Scores found = session.model().score(session.micro_batch(batch_of(window, numbers), 0));
      computed = std::min(end, computed + numbers.size() * replicas(session));
      if (done) done(computed, pairs.size());
      if (!speaks_for_replica(session)) continue;
      const auto* log_probability = found.log_probability_BT.const_data_ptr<double>();
      const bool* greedy = found.greedy_BT.const_data_ptr<bool>();
      for (std::size_t row = 0; row < numbers.size(); ++row) {
        const std::size_t length = lengths[numbers[row]], count = counts[first + numbers[row]];
        const std::size_t from = (row + 1) * length - count, to = places[numbers[row]];
        for (std::size_t i = 0; i < count; ++i) {
          values[to + i] = log_probability[from + i];
          values[targets + to + i] = greedy[from + i] ? 1.0 : 0.0;
        }
      }
    }
    // Only one rank has a value that is not 0, so the sums are exact.
    session.world().control().all_reduce(values.data(), values.size(), DataType::kFloat64, ReduceOp::kSum);
    for (std::size_t i = 0; i < window.size(); ++i) {
      PairScore& score = scores[first + i];
      const auto from = values.begin() + static_cast<std::ptrdiff_t>(places[i]);
      const auto to = values.begin() + static_cast<std::ptrdiff_t>(places[i + 1]);
      score.token_logprobs.assign(from, to);
      const auto shift = static_cast<std::ptrdiff_t>(targets);
      score.greedy = std::all_of(from + shift, to + shift, [](double value) { return value != 0.0; });
    }
    first = end;
    if (done) done(end, pairs.size());
  }
  return scores;
}

void embed_texts(Session& session, std::vector<EncodedText> texts, const EmbeddingOptions& options,
                 const std::function<void(std::size_t, const std::vector<float>&)>& give, const TextsDone& done) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 20;  // values
  texts = share_texts(session, texts);
  const auto width = static_cast<std::size_t>(session.resolved().model.hidden);
  // With one type (RoBERTa) or none, a pair's two texts are told apart by their special tokens alone.
  const bool typed = session.resolved().model.embedding.token_types > 1;
  const bool every_token = options.pooling == Pooling::kNone;
  std::vector<std::size_t> counts;
  for (const EncodedText& text : texts) counts.push_back(width * (every_token ? text.tokens.size() : 1));
  for (std::size_t first = 0; first < texts.size();) {
    const std::size_t end = window_end(counts, first, kAtOnce);
    const std::vector<std::size_t> places = places_of(std::span(counts).subspan(first, end - first));
    std::vector<float> values(places.back(), 0.0F);
    std::vector<std::size_t> lengths;
    for (std::size_t i = first; i < end; ++i) lengths.push_back(texts[i].tokens.size());
    std::size_t computed = first;
    for (const auto& numbers : own_batches(session, lengths, options.batch)) {
      tokens::Batch batch;
      std::vector<std::int64_t> types;
      for (const std::size_t number : numbers) {
        const EncodedText& text = texts[first + number];
        batch.tokens.insert(batch.tokens.end(), text.tokens.begin(), text.tokens.end());
        if (typed) types.insert(types.end(), text.types.begin(), text.types.end());
        batch.samples.push_back(number);
      }
      batch.targets.assign(batch.tokens.size(), -1);
      const std::vector<float> found = vectors_of(session, session.micro_batch(batch, 0, types), options.pooling);
      computed = std::min(end, computed + numbers.size() * replicas(session));
      if (done) done(computed, texts.size());
      if (!speaks_for_replica(session)) continue;
      const std::size_t size = found.size() / numbers.size();
      for (std::size_t row = 0; row < numbers.size(); ++row) {
        std::vector<float> own(found.begin() + static_cast<std::ptrdiff_t>(row * size),
                               found.begin() + static_cast<std::ptrdiff_t>((row + 1) * size));
        if (!every_token && options.pooling != Pooling::kPooler) own = pooled(own, width, options.pooling);
        std::ranges::copy(own, values.begin() + static_cast<std::ptrdiff_t>(places[numbers[row]]));
      }
    }
    session.world().control().all_reduce(values.data(), values.size(), DataType::kFloat32, ReduceOp::kSum);
    for (std::size_t i = first; i < end && session.world().rank() == 0; ++i) {
      std::vector<float> own(values.begin() + static_cast<std::ptrdiff_t>(places[i - first]),
                             values.begin() + static_cast<std::ptrdiff_t>(places[i - first + 1]));
      for (std::size_t at = 0; options.normalize && at < own.size(); at += width) {
        normalize(std::span(own).subspan(at, width));
      }
      give(i, own);
    }
    first = end;
    if (done) done(end, texts.size());
  }
}

}  // namespace trireme::launcher
