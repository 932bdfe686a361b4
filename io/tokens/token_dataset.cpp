#include "io/tokens/token_dataset.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

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
  const std::uint64_t count = sequence > 0 ? (size() - 1) / static_cast<std::uint64_t>(sequence) : 0;
  if (count == 0) {
    throw base::InputError(base::str(path_, " holds ", size(), " tokens, too few for one sample of sequence = ",
                                     sequence, " (which needs ", sequence + 1, "): add text, or lower model.sequence"));
  }
  return count;
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

void TokenDataset::verify(const std::function<void(std::uint64_t)>& progress) const {
  struct Part {
    const char* name;
    const Section& section;
  };
  std::uint64_t done = 0;
  for (const Part& part : {Part{"/tokens", header_.tokens}, Part{"/document_offsets", header_.document_offsets},
                           Part{"/tokenizer", header_.tokenizer}, Part{"/loss_mask", header_.loss_mask}}) {
    if (part.section.bytes == 0) continue;
    Digester digester;
    for (std::uint64_t at = 0; at < part.section.bytes;) {
      const std::uint64_t step = std::min<std::uint64_t>(part.section.bytes - at, std::uint64_t{64} << 20);
      digester.update(*file_, part.section.offset + at, step, path_);
      at += step;
      done += step;
      if (progress) progress(done);
    }
    if (digester.result() != part.section.digest) {
      throw base::InputError(base::str(path_, ": ", part.name, " is damaged: copy or prepare it again"));
    }
  }
  Digester rest;
  for (const auto& [offset, bytes] : rest_of(header_)) rest.update(*file_, offset, bytes, path_);
  if (rest.result() != header_.rest) {
    throw base::InputError(path_ + ": its HDF5 metadata is damaged: copy or prepare it again");
  }
}

}  // namespace trireme::tokens
