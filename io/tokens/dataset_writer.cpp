#include "io/tokens/dataset_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::tokens {
namespace {

constexpr std::uint64_t kSmallestVocabularyOf32Bits = 65537;
/// The length of the user block, which begins with the header. It is also the alignment of large datasets (libhdf5
/// wants the user block to be a multiple of that), so that /tokens lies at the same place however long it becomes.
constexpr std::uint64_t kAlignment = 4096;

/// The offsets of the datasets in a file, as libhdf5 lays it out.
struct Layout {
  hdf5::Image image;  // everything except the datasets' bytes
  std::uint64_t tokens = 0;
  std::uint64_t document_offsets = 0;
  std::uint64_t tokenizer = 0;
  std::uint64_t loss_mask = 0;
  std::uint64_t sample_offsets = 0;
};

hdf5::Shape shape(std::uint64_t elements) { return {static_cast<std::int64_t>(elements)}; }

// The section lengths of `header` must be set. Its fingerprint and digests become attributes.
Layout lay_out(const DatasetHeader& header, const std::string& name) {
  Layout layout;
  hdf5::CreateOptions options;
  options.user_block = kAlignment;
  options.alignment = kAlignment;
  options.block = kAlignment;
  auto file = hdf5::File::create_in(layout.image, name, options);
  // Created first, so that its place does not depend on anything else.
  const auto type = header.token_bytes == 2 ? hdf5::ElementType::kUInt16 : hdf5::ElementType::kUInt32;
  layout.tokens = file.create_dataset("/tokens", type, shape(header.token_count())).offset();
  layout.document_offsets =
      file.create_dataset("/document_offsets", hdf5::ElementType::kUInt64, shape(header.document_count())).offset();
  auto tokenizer = file.create_dataset("/tokenizer", hdf5::ElementType::kUInt8, shape(header.tokenizer.bytes));
  layout.tokenizer = tokenizer.offset();
  tokenizer.write_attribute("hash", to_hex(header.tokenizer.digest));
  if (header.loss_mask.bytes != 0) {
    layout.loss_mask = file.create_dataset(header.packed() ? "/roles" : "/loss_mask", hdf5::ElementType::kUInt8,
                                           shape(header.loss_mask.bytes))
                           .offset();
  }
  if (header.packed()) {
    layout.sample_offsets =
        file.create_dataset("/sample_offsets", hdf5::ElementType::kUInt64, shape(header.sample_count())).offset();
  }
  auto root = file.group("/");
  root.write_attribute("format_version", std::int64_t{header.version()});
  root.write_attribute("vocabulary", static_cast<std::int64_t>(header.vocabulary));
  root.write_attribute("end_of_text", header.end_of_text);
  if (header.special_tokens != 0) root.write_attribute("special_tokens", std::int64_t{header.special_tokens});
  if (header.packed()) root.write_attribute("sequence", static_cast<std::int64_t>(header.sequence));
  root.write_attribute("fingerprint", to_hex(header.fingerprint));
  file.close();
  return layout;
}

// Where /tokens lies, unless it is very short.
std::uint64_t tokens_start(std::uint32_t token_bytes) {
  DatasetHeader header;
  header.token_bytes = token_bytes;
  header.tokens.bytes = 1 << 20;
  header.document_offsets.bytes = 8;
  header.tokenizer.bytes = 1;
  return lay_out(header, "a token dataset").tokens;
}

base::FileSystem::Path parent(const std::string& path) {
  const auto directory = base::FileSystem::Path(path).parent_path();
  return directory.empty() ? base::FileSystem::Path(".") : directory;
}

Spool make_spool(base::FileSystem& files, const std::string& path, std::size_t element_bytes, std::uint64_t start = 0) {
  if (!files.is_directory(parent(path) / ".")) {
    throw base::InputError(
        base::str("directory ", parent(path).string(), " for ", path, " does not exist: make it first"));
  }
  try {
    return Spool(files, path, element_bytes, start);
  } catch (const base::IoError& error) {
    throw base::InputError(
        base::str("cannot write ", path, ": ", std::strerror(error.code()), ": choose another place for the output"));
  }
}

Digest digest_of_spool(Spool& spool) {
  spool.flush();
  Digester digester;
  digester.update(spool.file(), spool.start(), spool.bytes(), spool.path());
  return digester.result();
}

}  // namespace

DatasetWriter::DatasetWriter(base::FileSystem& files, const std::string& path, TokenizerRecord tokenizer,
                             bool with_loss_mask, std::uint64_t sequence)
    : tokenizer_(std::move(tokenizer)),
      token_bytes_(tokenizer_.vocabulary >= kSmallestVocabularyOf32Bits ? 4 : 2),
      tokens_(make_spool(files, path, token_bytes_, tokens_start(token_bytes_))),
      offsets_(make_spool(files, path + ".offsets", sizeof(std::uint64_t))),
      sequence_(sequence),
      digester_(std::in_place) {
  if (with_loss_mask) mask_.emplace(make_spool(files, path + ".mask", 1));
  if (sequence_ > 0) samples_.emplace(make_spool(files, path + ".samples", sizeof(std::uint64_t)));
}

std::vector<std::string> DatasetWriter::temporary_files() const {
  std::vector<std::string> paths = {tokens_.path(), offsets_.path()};
  if (mask_) paths.push_back(mask_->path());
  if (samples_) paths.push_back(samples_->path());
  return paths;
}

void DatasetWriter::begin_document() {
  const std::uint64_t offset = tokens_.size();
  offsets_.append(&offset, 1);
}

void DatasetWriter::begin_sample() {
  const std::uint64_t document = documents();
  samples_.value().append(&document, 1);
}

void DatasetWriter::append(std::span<const std::uint32_t> ids, bool counts) {
  append_tokens(ids);
  if (mask_) mask_->append(std::vector<std::uint8_t>(ids.size(), counts ? 1 : 0).data(), ids.size());
}

void DatasetWriter::append(std::span<const std::uint32_t> ids, std::span<const std::uint8_t> roles) {
  append_tokens(ids);
  mask_.value().append(roles.data(), ids.size());
}

void DatasetWriter::append_tokens(std::span<const std::uint32_t> ids) {
  if (ids.empty()) return;
  if (*std::max_element(ids.begin(), ids.end()) >= tokenizer_.vocabulary) {
    throw base::Error("the tokenizer gave an id outside its vocabulary: its tokenizer.json is inconsistent");
  }
  narrow_.resize(ids.size() * token_bytes_);
  if (token_bytes_ == 2) {
    auto* out = reinterpret_cast<std::uint16_t*>(narrow_.data());
    for (std::size_t i = 0; i < ids.size(); ++i) out[i] = static_cast<std::uint16_t>(ids[i]);
  } else {
    std::memcpy(narrow_.data(), ids.data(), narrow_.size());
  }
  tokens_.append(narrow_.data(), ids.size());
  if (digester_) digester_->update(narrow_.data(), narrow_.size());
}

void DatasetWriter::shrink(std::uint64_t tokens) {
  digester_.reset();
  tokens_.shrink(tokens);
  if (mask_) mask_->shrink(tokens);
}

std::vector<std::uint64_t> DatasetWriter::offsets() {
  std::vector<std::uint64_t> offsets(documents());
  offsets_.read(0, offsets.size(), offsets.data());
  return offsets;
}

void DatasetWriter::move_ranges(const std::vector<TokenRange>& ranges, DatasetWriter& to) {
  const std::vector<std::uint64_t> old = offsets();
  auto document = old.begin();
  // Appends to `writer` the starts of the documents in `range`, moved so that the range begins at `moved_to`. What lies
  // at range.begin always starts a document.
  const auto take_offsets = [&](DatasetWriter& writer, TokenRange range, std::uint64_t moved_to) {
    if (range.begin == range.end) return;
    writer.offsets_.append(&moved_to, 1);
    for (; document != old.end() && *document < range.end; ++document) {
      const std::uint64_t offset = moved_to + (*document - range.begin);
      if (*document > range.begin) writer.offsets_.append(&offset, 1);
    }
  };
  const std::uint64_t all = tokens();
  offsets_.shrink(0);
  to.digester_.reset();
  std::uint64_t kept = 0;
  for (std::size_t i = 0; i <= ranges.size(); ++i) {
    const TokenRange stays{i == 0 ? 0 : ranges[i - 1].end, i == ranges.size() ? all : ranges[i].begin};
    take_offsets(*this, stays, kept);
    tokens_.move_down(stays.begin, stays.end - stays.begin, kept);
    if (mask_) mask_->move_down(stays.begin, stays.end - stays.begin, kept);
    kept += stays.end - stays.begin;
    if (i == ranges.size()) break;
    take_offsets(to, ranges[i], to.tokens());
    tokens_.copy_to(to.tokens_, ranges[i].begin, ranges[i].end - ranges[i].begin);
    if (mask_) mask_->copy_to(*to.mask_, ranges[i].begin, ranges[i].end - ranges[i].begin);
  }
  shrink(kept);
}

DatasetHeader DatasetWriter::finish(const std::string& path) {
  DatasetHeader header;
  header.token_bytes = token_bytes_;
  header.vocabulary = tokenizer_.vocabulary;
  header.end_of_text = tokenizer_.end_of_text;
  header.special_tokens = tokenizer_.special_tokens ? 1 : 0;
  tokens_.flush();
  header.tokens = {0, tokens_.bytes(), digester_ ? digester_->result() : digest_of_spool(tokens_)};
  header.document_offsets = {0, offsets_.bytes(), digest_of_spool(offsets_)};
  header.tokenizer = {0, tokenizer_.json.size(), digest_of(tokenizer_.json.data(), tokenizer_.json.size())};
  if (mask_) header.loss_mask = {0, mask_->bytes(), digest_of_spool(*mask_)};
  header.sequence = sequence_;
  if (samples_) header.sample_offsets = {0, samples_->bytes(), digest_of_spool(*samples_)};
  header.fingerprint = fingerprint_of(header);

  const Layout layout = lay_out(header, path);
  header.tokens.offset = layout.tokens;
  header.document_offsets.offset = layout.document_offsets;
  header.tokenizer.offset = layout.tokenizer;
  header.loss_mask.offset = layout.loss_mask;
  header.sample_offsets.offset = layout.sample_offsets;
  header.file_bytes = layout.image.length();

  base::File& file = tokens_.file();
  if (layout.tokens != tokens_.start()) {
    // With less than a page of tokens libhdf5 packs the dataset elsewhere.
    std::vector<char> bytes(tokens_.bytes());
    tokens_.read(0, tokens_.size(), bytes.data());
    file.truncate(0);
    file.pwrite(bytes.data(), bytes.size(), layout.tokens);
  }
  layout.image.write_to(file);
  offsets_.copy_to(file, header.document_offsets.offset);
  file.pwrite(tokenizer_.json.data(), tokenizer_.json.size(), header.tokenizer.offset);
  if (mask_) mask_->copy_to(file, header.loss_mask.offset);
  if (samples_) samples_->copy_to(file, header.sample_offsets.offset);
  file.truncate(header.file_bytes);
  Digester rest;
  for (const auto& [offset, bytes] : rest_of(header)) rest.update(file, offset, bytes, path);
  header.rest = rest.result();
  const auto encoded = encode_header(header);
  file.pwrite(encoded.data(), encoded.size(), 0);
  tokens_.finish(path);
  return header;
}

}  // namespace trireme::tokens
