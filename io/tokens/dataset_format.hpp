// The 512-byte header of a token dataset (docs/token_dataset.md): everything that a reader needs, so that no reader
// depends on libhdf5, and libhdf5 never opens a damaged file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/tokens/digest.hpp"

namespace trireme::tokens {

inline constexpr std::size_t kHeaderBytes = 512;
inline constexpr std::uint32_t kNewestFormat = 2;

/// What a token of a conversation is, one byte each in /roles. A loss mask's 0 and 1 mean kPrompt and not.
enum class Role : std::uint8_t {
  kPrompt = 0,           ///< only read
  kEarlierResponse = 1,  ///< an assistant's response that is not the last
  kLastResponse = 2      ///< the last response of the conversation
};

/// The bytes of one HDF5 dataset, contiguous in the file.
struct Section {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  ///< 0 = the section is missing
  Digest digest{};          ///< digest of these bytes
};

struct DatasetHeader {
  std::uint32_t token_bytes = 2;  ///< 2 (uint16) or 4 (uint32)
  std::uint64_t file_bytes = 0;   ///< exact length of the whole file
  std::uint64_t vocabulary = 0;
  std::int64_t end_of_text = 0;      ///< the token after each document
  std::uint32_t special_tokens = 0;  ///< 1: documents are wrapped as the tokenizer's post-processor does, 0: not
  Section tokens;                    ///< /tokens
  Section document_offsets;          ///< /document_offsets, uint64
  Section tokenizer;                 ///< /tokenizer, uint8
  Section loss_mask;                 ///< /loss_mask, uint8, may be missing; in format 2 /roles
  Section sample_offsets;            ///< /sample_offsets, uint64; only in format 2
  std::uint64_t sequence = 0;        ///< format 2: tokens of a sample; 0: format 1, one stream
  Digest rest{};         ///< digest of all bytes that are in no section and not in the header, in file order
  Digest fingerprint{};  ///< fingerprint_of(*this)

  std::uint64_t token_count() const { return tokens.bytes / token_bytes; }
  std::uint64_t document_count() const { return document_offsets.bytes / 8; }
  bool packed() const { return sequence != 0; }  ///< format 2
  std::uint32_t version() const { return packed() ? 2 : 1; }
  std::uint64_t sample_count() const { return sample_offsets.bytes / 8; }  ///< format 2 only
};

/// A section and its name in the HDF5 file.
struct NamedSection {
  const char* name;
  const Section* section;
};
/// All five, in the order of the header; missing ones have no bytes. Valid as long as `header`.
std::array<NamedSection, 5> sections_of(const DatasetHeader& header);

/// The byte ranges (offset, length) that are in no section and not in the header, in file order.
std::vector<std::pair<std::uint64_t, std::uint64_t>> rest_of(const DatasetHeader& header);

/// XXH3-128 over token width, vocabulary, end-of-text id and the digests of all sections, in format 2 also over the
/// tokens of a sample: equal fingerprints mean equal tokens, documents, mask, samples and tokenizer, wherever the file
/// lies.
Digest fingerprint_of(const DatasetHeader& header);

std::array<std::byte, kHeaderBytes> encode_header(const DatasetHeader& header);

/// Reads and checks a header. `file_bytes` is the file's real length, `name` the file's name for messages. Throws
/// base::InputError in one sentence when the bytes are not such a header, are damaged, are of a later version, or do
/// not fit the file's length.
DatasetHeader decode_header(std::span<const std::byte> bytes, std::uint64_t file_bytes, const std::string& name);

}  // namespace trireme::tokens
