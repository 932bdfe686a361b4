#include "io/tokens/token_dataset.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

constexpr auto kHighestRole = static_cast<std::uint8_t>(Role::kLastResponse);

// Widens `count` tokens of type T from `raw`. Returns the position of the first one that is not below the vocabulary,
// or `count`. The check takes one maximum, which compilers vectorise; it searches only on failure.
template <typename T>
std::uint64_t widen(const T* raw, std::uint64_t count, std::uint64_t vocabulary, std::int64_t* tokens) {
  T highest = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    highest = std::max(highest, raw[i]);
    tokens[i] = static_cast<std::int64_t>(raw[i]);
  }
  if (highest < vocabulary) return count;
  return static_cast<std::uint64_t>(std::find_if(raw, raw + count, [&](T id) { return id >= vocabulary; }) - raw);
}

}  // namespace

TokenDataset TokenDataset::open(base::FileSystem& files, const std::string& path) {
  if (!files.exists(path)) {
    throw base::InputError(base::str("token dataset ", path, " does not exist: make it with trireme prepare"));
  }
  if (files.is_directory(path)) throw base::InputError(base::str("token dataset ", path, " is a directory"));
  std::unique_ptr<base::File> file;
  try {
    file = files.open(path, base::OpenMode::kRead);
  } catch (const base::IoError& error) {
    throw base::InputError(base::str("cannot open token dataset ", path, ": ", std::strerror(error.code())));
  }
  const std::uint64_t file_bytes = file->size();
  std::vector<std::byte> bytes(kHeaderBytes);
  bytes.resize(file->pread(bytes.data(), bytes.size(), 0));
  const DatasetHeader header = decode_header(bytes, file_bytes, path);
  TokenDataset dataset(path, std::move(file), header);
  dataset.tokenizer_.resize(header.tokenizer.bytes);
  dataset.read_bytes(dataset.tokenizer_.data(), header.tokenizer.bytes, header.tokenizer.offset);
  if (digest_of(dataset.tokenizer_.data(), dataset.tokenizer_.size()) != header.tokenizer.digest) {
    throw base::InputError(path + ": the tokenizer stored in it is damaged: prepare or copy it again");
  }
  return dataset;
}

std::uint64_t TokenDataset::samples(std::int64_t sequence) const {
  if (packed()) {
    if (static_cast<std::uint64_t>(sequence) == header_.sequence) return header_.sample_count();
    throw base::InputError(base::str(
        path_, " was prepared for samples of ", header_.sequence, " tokens and cannot be read in samples of ", sequence,
        ": set model.sequence = ", header_.sequence, " (trireme eval: --sequence ", header_.sequence,
        "), or run trireme prepare --chat --sequence ", sequence, " on its conversations again"));
  }
  const std::uint64_t count = sequence > 0 ? (size() - 1) / static_cast<std::uint64_t>(sequence) : 0;
  if (count == 0) {
    throw base::InputError(base::str(path_, " holds ", size(), " tokens, too few for one sample of sequence = ",
                                     sequence, " (which needs ", sequence + 1, "): add text, or lower model.sequence"));
  }
  return count;
}

std::pair<std::uint64_t, std::uint64_t> TokenDataset::range_in(const Section& offsets, std::uint64_t first,
                                                               std::uint64_t end) const {
  std::uint64_t pair[2] = {0, end};
  const std::uint64_t there = offsets.bytes / sizeof *pair;
  read_bytes(pair, sizeof *pair * std::min<std::uint64_t>(2, there - first), offsets.offset + first * sizeof *pair);
  return {pair[0], pair[1]};
}

std::vector<std::uint64_t> TokenDataset::documents_of(std::uint64_t index) const {
  if (!packed() || index >= header_.sample_count()) {
    throw base::Error(base::str("sample ", index, " of ", path_, " does not exist"));
  }
  const auto damaged = [&] {
    return base::InputError(
        base::str(path_, ": the documents of sample ", index, " make no sense: copy or prepare it again"));
  };
  const auto [first, end] = range_in(header_.sample_offsets, index, documents());
  if (first >= end || end > documents() || end - first > header_.sequence) throw damaged();
  if (index == 0 && first != 0) throw damaged();
  std::vector<std::uint64_t> starts(end - first + 1, size());
  const std::uint64_t there = std::min(documents() - first, end - first + 1);
  read_bytes(starts.data(), there * sizeof(std::uint64_t),
             header_.document_offsets.offset + first * sizeof(std::uint64_t));
  const bool increasing = std::ranges::adjacent_find(starts, std::greater_equal<>()) == starts.end();
  if (first == 0 && starts.front() != 0) throw damaged();
  if (!increasing || starts.back() > size() || starts.back() - starts.front() > header_.sequence) throw damaged();
  return starts;
}

void TokenDataset::read_bytes(void* data, std::uint64_t bytes, std::uint64_t offset) const {
  if (file_->pread(data, bytes, offset) != bytes) {
    throw base::Error(path_ + " became shorter since it was opened: copy or prepare it again");
  }
}

void TokenDataset::read(std::uint64_t first, std::uint64_t count, std::int64_t* tokens, std::uint8_t* mask) const {
  if (first > size() || count > size() - first) {
    throw base::Error(
        base::str("tokens ", first, " to ", first + count, " of ", path_, " do not exist: it has ", size()));
  }
  const std::uint64_t offset = header_.tokens.offset + first * header_.token_bytes;
  std::uint64_t good = 0;
  if (header_.token_bytes == 2) {
    std::vector<std::uint16_t> raw(count);
    read_bytes(raw.data(), count * 2, offset);
    good = widen(raw.data(), count, header_.vocabulary, tokens);
  } else {
    std::vector<std::uint32_t> raw(count);
    read_bytes(raw.data(), count * 4, offset);
    good = widen(raw.data(), count, header_.vocabulary, tokens);
  }
  if (good < count) {
    throw base::InputError(base::str(path_, ": token ", first + good, " is ", tokens[good],
                                     ", not below the vocabulary of ", header_.vocabulary,
                                     ": the file is damaged, copy or prepare it again"));
  }
  if (mask != nullptr) read_mask(first, count, mask);
}

void TokenDataset::read_mask(std::uint64_t first, std::uint64_t count, std::uint8_t* mask) const {
  if (!has_loss_mask()) {
    std::fill_n(mask, count, std::uint8_t{1});
    return;
  }
  read_bytes(mask, count, header_.loss_mask.offset + first);
  for (std::uint64_t i = 0; i < count; ++i) mask[i] = mask[i] != 0;
}

void TokenDataset::read_roles(std::uint64_t first, std::uint64_t count, std::uint8_t* roles) const {
  if (!packed()) throw base::Error(path_ + " has no roles");
  read_bytes(roles, count, header_.loss_mask.offset + first);
  const std::uint8_t* const bad =
      std::find_if(roles, roles + count, [](std::uint8_t role) { return role > kHighestRole; });
  if (bad == roles + count) return;
  throw base::InputError(base::str(path_, ": token ", first + static_cast<std::uint64_t>(bad - roles), " has the role ",
                                   static_cast<int>(*bad), ", above ", static_cast<int>(kHighestRole),
                                   ": the file is damaged, copy or prepare it again"));
}

void TokenDataset::verify(const std::function<void(std::uint64_t)>& progress) const {
  std::uint64_t done = 0;
  for (const auto& [name, section] : sections_of(header_)) {
    if (section->bytes == 0) continue;
    Digester digester;
    for (std::uint64_t at = 0; at < section->bytes;) {
      const std::uint64_t step = std::min<std::uint64_t>(section->bytes - at, std::uint64_t{64} << 20);
      digester.update(*file_, section->offset + at, step, path_);
      at += step;
      done += step;
      if (progress) progress(done);
    }
    if (digester.result() != section->digest) {
      throw base::InputError(base::str(path_, ": ", name, " is damaged: copy or prepare it again"));
    }
  }
  Digester rest;
  for (const auto& [offset, bytes] : rest_of(header_)) rest.update(*file_, offset, bytes, path_);
  if (rest.result() != header_.rest) {
    throw base::InputError(path_ + ": its HDF5 metadata is damaged: copy or prepare it again");
  }
}

}  // namespace trireme::tokens
