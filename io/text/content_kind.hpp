// Recognises from a file's first bytes whether it holds text, or something that should not be read as text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trireme::text {

/// How many of a file's first bytes the functions below need (fewer where the file is shorter).
inline constexpr std::size_t kJudgedBytes = std::size_t{64} << 10;

/// Returns "" unless the head begins as a known format other than UTF-8 text does (images, archives, Parquet, UTF-16
/// with a byte order mark, compressed data, …). Otherwise returns the rest of a sentence that begins with the file's
/// name: what it is and what to do. The answer is certain: no text begins so.
std::string known_binary(std::string_view head);

/// Does the same by proportions: UTF-16 and UTF-32 without a byte order mark, NUL and control characters, bytes that
/// are mostly not UTF-8. Accepts text with a few of these, and files too short to judge.
std::string likely_binary(std::string_view head);

/// The byte order mark that some editors write at the beginning of a UTF-8 file.
inline constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

enum class JsonShape {
  kLines,   ///< begins with an object that ends on its line (or is longer than the head): JSONL
  kObject,  ///< an object over several lines
  kArray,   ///< an array
  kNone     ///< nothing of the kind
};

/// Judges by the first line that is not blank; the JSON itself is not checked. `whole`: the file ends with the head.
JsonShape json_shape(std::string_view head, bool whole);

}  // namespace trireme::text
