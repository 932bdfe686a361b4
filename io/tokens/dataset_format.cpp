#include "io/tokens/dataset_format.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

static_assert(std::endian::native == std::endian::little, "token datasets are read and written as they lie in memory");

constexpr char kMagic[9] = "TRMTOKEN";
constexpr char kHdf5Signature[9] = "\x89HDF\r\n\x1a\n";
constexpr std::size_t kChecksumAt = 504;
constexpr std::uint64_t kLongestFile = std::uint64_t{1} << 60;

using Bytes = std::array<std::byte, kHeaderBytes>;

/// The only place that names the offsets, for both directions: `io` copies a field to or from byte `at`.
template <typename Header, typename Io>
void each_field(Header& header, Io io) {
  io(12, header.token_bytes);
  io(16, header.file_bytes);
  io(24, header.vocabulary);
  io(32, header.end_of_text);
  std::size_t at = 40;
  for (auto* section : {&header.tokens, &header.document_offsets, &header.tokenizer, &header.loss_mask}) {
    io(at, section->offset);
    io(at + 8, section->bytes);
    io(at + 16, section->digest);
    at += 32;
  }
  io(168, header.rest);
  io(184, header.fingerprint);
  io(200, header.special_tokens);
  io(208, header.sample_offsets.offset);
  io(216, header.sample_offsets.bytes);
  io(224, header.sample_offsets.digest);
  io(240, header.sequence);
}

std::uint64_t checksum_of(const std::byte* header) { return XXH3_64bits(header, kChecksumAt); }

std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted_sections(const DatasetHeader& header) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, section] : sections_of(header)) {
    if (section->bytes != 0) ranges.emplace_back(section->offset, section->bytes);
  }
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

// Whether the samples of format 2 make sense, or format 1 has none.
bool consistent_samples(const DatasetHeader& header) {
  if (!header.packed()) return header.sample_offsets.bytes == 0;
  if (header.sequence > kLongestFile || header.loss_mask.bytes == 0) return false;
  return header.sample_offsets.bytes != 0 && header.sample_offsets.bytes % 8 == 0 &&
         header.sample_count() <= header.document_count();
}

// Whether a header with a right checksum also makes sense, so that later code need not check again.
bool consistent(const DatasetHeader& header) {
  if (header.token_bytes != 2 && header.token_bytes != 4) return false;
  if (header.tokens.bytes == 0 || header.tokens.bytes % header.token_bytes != 0) return false;
  if (header.document_offsets.bytes == 0 || header.document_offsets.bytes % 8 != 0) return false;
  if (header.tokenizer.bytes == 0 || header.vocabulary == 0 || header.special_tokens > 1) return false;
  if (header.loss_mask.bytes != 0 && header.loss_mask.bytes != header.token_count()) return false;
  if (!consistent_samples(header)) return false;
  if (header.end_of_text < 0 || static_cast<std::uint64_t>(header.end_of_text) >= header.vocabulary) return false;
  std::uint64_t end = kHeaderBytes;
  for (const auto& [offset, bytes] : sorted_sections(header)) {
    if (offset < end || bytes > kLongestFile || offset > kLongestFile) return false;
    end = offset + bytes;
  }
  return end <= header.file_bytes && header.fingerprint == fingerprint_of(header);
}

}  // namespace

std::array<NamedSection, 5> sections_of(const DatasetHeader& header) {
  return {{{"/tokens", &header.tokens},
           {"/document_offsets", &header.document_offsets},
           {"/tokenizer", &header.tokenizer},
           {header.packed() ? "/roles" : "/loss_mask", &header.loss_mask},
           {"/sample_offsets", &header.sample_offsets}}};
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> rest_of(const DatasetHeader& header) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
  std::uint64_t end = kHeaderBytes;
  for (const auto& [offset, bytes] : sorted_sections(header)) {
    if (offset > end) gaps.emplace_back(end, offset - end);
    end = offset + bytes;
  }
  if (header.file_bytes > end) gaps.emplace_back(end, header.file_bytes - end);
  return gaps;
}

Digest fingerprint_of(const DatasetHeader& header) {
  constexpr std::size_t kOfAStream = 84;
  std::array<std::byte, kOfAStream + 24> record{};
  std::memcpy(record.data(), &header.token_bytes, 4);
  std::memcpy(record.data() + 4, &header.vocabulary, 8);
  std::memcpy(record.data() + 12, &header.end_of_text, 8);
  std::size_t at = 20;
  for (const auto* section : {&header.tokens, &header.document_offsets, &header.tokenizer, &header.loss_mask}) {
    std::memcpy(record.data() + at, section->digest.data(), 16);
    at += 16;
  }
  if (!header.packed()) return digest_of(record.data(), kOfAStream);
  std::memcpy(record.data() + at, &header.sequence, 8);
  std::memcpy(record.data() + at + 8, header.sample_offsets.digest.data(), 16);
  return digest_of(record.data(), record.size());
}

std::array<std::byte, kHeaderBytes> encode_header(const DatasetHeader& header) {
  Bytes bytes{};
  std::memcpy(bytes.data(), kMagic, 8);
  const std::uint32_t version = header.version();
  std::memcpy(bytes.data() + 8, &version, 4);
  each_field(header, [&](std::size_t at, const auto& field) { std::memcpy(bytes.data() + at, &field, sizeof field); });
  const std::uint64_t checksum = checksum_of(bytes.data());
  std::memcpy(bytes.data() + kChecksumAt, &checksum, 8);
  return bytes;
}

DatasetHeader decode_header(std::span<const std::byte> bytes, std::uint64_t file_bytes, const std::string& name) {
  if (bytes.size() >= 8 && std::memcmp(bytes.data(), kHdf5Signature, 8) == 0) {
    throw base::InputError(name + " is an HDF5 file but no token dataset: make one with trireme prepare");
  }
  if (bytes.size() < 8 || std::memcmp(bytes.data(), kMagic, 8) != 0) {
    throw base::InputError(name + " is not a token dataset: make one with trireme prepare");
  }
  if (bytes.size() < kHeaderBytes) {
    throw base::InputError(base::str(name, " is cut off after ", file_bytes, " bytes: prepare or copy it again"));
  }
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + kChecksumAt, 8);
  if (checksum != checksum_of(bytes.data())) {
    throw base::InputError(name + " has a damaged header: prepare or copy it again");
  }
  std::uint32_t version = 0;
  std::memcpy(&version, bytes.data() + 8, 4);
  if (version == 0 || version > kNewestFormat) {
    throw base::InputError(base::str(name, " has format version ", version, ", this program reads versions 1 to ",
                                     kNewestFormat, ": prepare it again, or use the program that made it"));
  }
  DatasetHeader header;
  each_field(header, [&](std::size_t at, auto& field) { std::memcpy(&field, bytes.data() + at, sizeof field); });
  if (version != header.version() || !consistent(header))
    throw base::InputError(name + " has a header that contradicts itself: prepare it again");
  if (header.file_bytes != file_bytes) {
    throw base::InputError(base::str(name, " is ", file_bytes, " bytes long but should be ", header.file_bytes,
                                     ": prepare or copy it again"));
  }
  return header;
}

}  // namespace trireme::tokens
