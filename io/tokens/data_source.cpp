#include "io/tokens/data_source.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/philox.hpp"
#include "io/tokens/batch_plan.hpp"

namespace trireme::tokens {
namespace {

// Takes the place of a dataset's index in the key of the order over all datasets.
constexpr std::uint64_t kAllDatasets = std::uint64_t{1} << 32;

std::vector<TokenDataset> open_all(base::FileSystem& files, const std::string& key,
                                   const std::vector<DatasetChoice>& choices) {
  if (choices.empty()) throw base::InputError(base::str(key, " names no dataset"));
  std::vector<TokenDataset> datasets;
  for (const DatasetChoice& choice : choices) {
    datasets.push_back(TokenDataset::open(files, choice.path));
    if (datasets.back().tokenizer_hash() != datasets.front().tokenizer_hash()) {
      throw base::InputError(base::str(key, ": ", choice.path, " was made with another tokenizer than ",
                                       choices.front().path, ": prepare both with the same one"));
    }
  }
  return datasets;
}

std::vector<SampleOrder> orders_of(const std::vector<TokenDataset>& datasets, std::int64_t sequence,
                                   std::uint64_t seed) {
  std::vector<SampleOrder> orders;
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    orders.emplace_back(datasets[i].samples(sequence), base::mix(seed, i));
  }
  return orders;
}

std::uint64_t sum_of_counts(const std::vector<SampleOrder>& orders) {
  return std::accumulate(orders.begin(), orders.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const SampleOrder& order) { return sum + order.count(); });
}

/// A single dataset is treated as a blend of one, so that its cursor stays the same as in earlier versions.
std::optional<Blend> blend_of(std::vector<double> weights, std::size_t datasets) {
  if (datasets == 1) weights = {1.0};
  return weights.empty() ? std::nullopt : std::optional<Blend>(weights);
}

}  // namespace

DataSource::DataSource(base::FileSystem& files, const std::string& key, const std::vector<DatasetChoice>& choices,
                       std::int64_t sequence, std::uint64_t seed, Reading reading)
    : sequence_(sequence),
      seed_(seed),
      reading_(reading),
      datasets_(open_all(files, key, choices)),
      orders_(orders_of(datasets_, sequence, seed)),
      blend_(blend_of(blend_weights(key, choices), choices.size())),
      all_(sum_of_counts(orders_), base::mix(seed, kAllDatasets)) {
  for (const DatasetChoice& choice : choices) {
    if (reading == Reading::kInOrder && choice.weight > 0) {
      throw base::InputError(base::str(key, ": ", choice.path,
                                       " has a weight, but validation reads every dataset once: "
                                       "leave the weight out"));
    }
  }
}

std::uint64_t DataSource::samples() const { return all_.count(); }

bool DataSource::has_loss_mask() const {
  return std::any_of(datasets_.begin(), datasets_.end(), [](const auto& dataset) { return dataset.has_loss_mask(); });
}

bool DataSource::packed() const {
  return std::any_of(datasets_.begin(), datasets_.end(), [](const auto& dataset) { return dataset.packed(); });
}

void DataSource::learn_last_turns() {
  if (reading_ == Reading::kShuffled) {
    for (const TokenDataset& dataset : datasets_) check_turns(dataset, LearnedTurns::kLast);
  }
  turns_ = LearnedTurns::kLast;
}

DataSource::Place DataSource::nth(std::uint64_t index) const {
  for (std::size_t i = 0; i < datasets_.size(); ++i) {
    if (index < orders_[i].count()) return {&datasets_[i], index};
    index -= orders_[i].count();
  }
  throw base::Error(base::str("sample ", index, " lies past the datasets' ", samples()));
}

DataSource::Place DataSource::locate(std::uint64_t sample_number) const {
  if (reading_ == Reading::kInOrder) return nth(sample_number);
  if (!blend_) return nth(all_.at(sample_number / all_.count(), sample_number % all_.count()));
  const Blend::Draw draw = blend_->at(sample_number);
  const SampleOrder& order = orders_[draw.dataset];
  return {&datasets_[draw.dataset], order.at(draw.ordinal / order.count(), draw.ordinal % order.count())};
}

void DataSource::mask_tokens(const MaskingRule& rule, MaskedVocabulary vocabulary) {
  for (const TokenDataset& dataset : datasets_) {
    if (!dataset.packed()) continue;
    throw base::InputError(base::str(dataset.path(),
                                     " holds conversations, which masked language modelling does not read: prepare "
                                     "text without --chat, or train a model with model.mask = causal"));
  }
  const bool training = reading_ == Reading::kShuffled;
  masking_.emplace(rule, std::move(vocabulary), training ? training_masks_key(seed_) : validation_masks_key());
}

std::uint64_t DataSource::masks_of(std::uint64_t sample_number, const Place& place) const {
  return reading_ == Reading::kInOrder ? place.index : sample_number;
}

void DataSource::read_next_tokens(const Place& place, std::int64_t* tokens, std::int64_t* targets) const {
  const auto length = static_cast<std::uint64_t>(sequence_);
  std::vector<std::int64_t> read(length + 1);
  std::vector<std::uint8_t> mask(length + 1);
  place.dataset->read(place.index * length, length + 1, read.data(), mask.data());
  std::copy_n(read.begin(), length, tokens);
  for (std::size_t t = 0; t < length; ++t) targets[t] = mask[t + 1] ? read[t + 1] : -1;
}

void DataSource::read_masked(std::uint64_t sample_number, const Place& place, std::int64_t* tokens,
                             std::int64_t* targets) const {
  const auto length = static_cast<std::uint64_t>(sequence_);
  std::vector<std::uint8_t> mask(length);
  place.dataset->read(place.index * length, length, tokens, mask.data());
  masking_->apply(masks_of(sample_number, place), {tokens, length}, mask, {targets, length});
}

void DataSource::read_row(std::uint64_t sample_number, std::size_t row, Batch& batch) const {
  const auto length = static_cast<std::size_t>(sequence_);
  const Place place = locate(sample_number);
  std::int64_t* tokens = batch.tokens.data() + row * length;
  std::int64_t* targets = batch.targets.data() + row * length;
  if (place.dataset->packed()) {
    std::int32_t* starts = batch.starts.data() + row * length;
    read_packed_sample(*place.dataset, place.index, turns_, {{tokens, length}, {targets, length}, {starts, length}});
  } else if (masking_) {
    read_masked(sample_number, place, tokens, targets);
  } else {
    read_next_tokens(place, tokens, targets);
  }
}

Batch DataSource::read(std::span<const std::uint64_t> sample_numbers) const {
  const std::size_t elements = sample_numbers.size() * static_cast<std::size_t>(sequence_);
  Batch batch;
  batch.samples.assign(sample_numbers.begin(), sample_numbers.end());
  batch.tokens.assign(elements, 0);
  batch.targets.assign(elements, -1);
  if (packed()) batch.starts.assign(elements, 0);
  for (std::size_t row = 0; row < sample_numbers.size(); ++row) {
    if (sample_numbers[row] != kNoSample) read_row(sample_numbers[row], row, batch);
  }
  return batch;
}

std::uint64_t DataSource::targets_of(std::uint64_t sample_number) const {
  if (sample_number == kNoSample) return 0;
  const auto length = static_cast<std::uint64_t>(sequence_);
  const Place place = locate(sample_number);
  if (place.dataset->packed()) return count_packed_targets(*place.dataset, place.index, turns_);
  std::vector<std::uint8_t> mask(length);
  if (masking_) {
    std::vector<std::int64_t> tokens(length);
    place.dataset->read(place.index * length, length, tokens.data(), mask.data());
    return masking_->count(masks_of(sample_number, place), tokens, mask);
  }
  if (!place.dataset->has_loss_mask()) return length;
  place.dataset->read_mask(place.index * length + 1, length, mask.data());
  return std::accumulate(mask.begin(), mask.end(), std::uint64_t{0});
}

std::uint64_t DataSource::targets(std::span<const std::uint64_t> sample_numbers) const {
  if (!masking_ && !has_loss_mask()) {
    const auto given = std::ranges::count_if(sample_numbers, [](std::uint64_t number) { return number != kNoSample; });
    return static_cast<std::uint64_t>(given * sequence_);
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t number : sample_numbers) sum += targets_of(number);
  return sum;
}

Cursor DataSource::cursor(std::uint64_t consumed_samples, const SkippedSamples& skipped) const {
  Cursor cursor;
  for (const TokenDataset& dataset : datasets_) cursor.fingerprints.push_back(dataset.fingerprint());
  if (blend_) cursor.blend = blend_->shares();
  cursor.sequence = sequence_;
  cursor.seed = seed_;
  cursor.consumed_samples = consumed_samples;
  cursor.skipped = skipped;
  return cursor;
}

void DataSource::resume(const Cursor& saved) {
  if (!blend_ && !saved.blend.empty()) {
    std::vector<double> counts;
    for (const SampleOrder& order : orders_) counts.push_back(static_cast<double>(order.count()));
    Blend former(counts);
    if (former.shares() == saved.blend) blend_ = std::move(former);
  }
  check_resumable(saved, cursor(saved.consumed_samples));
}

}  // namespace trireme::tokens
