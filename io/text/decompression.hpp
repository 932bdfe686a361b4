// Decompresses gzip and Zstandard while reading.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/text/byte_source.hpp"

namespace trireme::text {

/// How large a decompressed input may become: at most kFreeExpansion bytes more than `ratio` times the compressed bytes
/// that were read. A larger one is taken for a decompression bomb. For comparison: text shrinks to a third or a tenth,
/// text that repeats itself to a fiftieth; zeros shrink to a thousandth in gzip and to a thirty-thousandth in
/// Zstandard.
struct ExpansionLimit {
  double ratio = 200;
};
inline constexpr std::uint64_t kFreeExpansion = std::uint64_t{64} << 20;

/// Returns `source` itself, or its decompressed content when it begins as gzip (RFC 1952) or Zstandard (RFC 8878),
/// whatever its name. gzip: any number of members. Zstandard: any number of frames, also skippable ones, also at the
/// beginning (pzstd writes those); windows up to 2 GiB. Zeros that fill up the end, as tar and tapes leave them, are
/// ignored. read() throws base::InputError, with `name` and the position in the file, for damaged or cut-off data, for
/// anything else after the data, and for more output than `limit` allows.
std::unique_ptr<PeekSource> decompressed(std::unique_ptr<PeekSource> source, const std::string& name,
                                         ExpansionLimit limit);

}  // namespace trireme::text
