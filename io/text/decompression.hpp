// gzip and Zstandard, undone while reading.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/text/byte_source.hpp"

namespace trireme::text {

/// What a compressed input may become: at most kFreeExpansion bytes more than `ratio` times the compressed bytes that
/// were read. Beyond, it is taken for a decompression bomb. Text shrinks to a third or a tenth, text that repeats
/// itself to a fiftieth; zeros in gzip to a thousandth, in Zstandard to a thirty-thousandth.
struct ExpansionLimit {
  double ratio = 200;
};
inline constexpr std::uint64_t kFreeExpansion = std::uint64_t{64} << 20;

/// `source` itself, or what it holds decompressed when it begins as gzip (RFC 1952) or Zstandard (RFC 8878) does,
/// whatever its name. gzip: any number of members. Zstandard: any number of frames, skippable ones too, first ones too
/// (pzstd writes them); windows up to 2 GiB. Zeros that fill up the end, as tar and tapes leave them, are no data.
/// base::InputError from read(), with `name` and the position in the file: damaged or cut-off data, something else
/// after the data, more output than `limit` allows.
std::unique_ptr<PeekSource> decompressed(std::unique_ptr<PeekSource> source, const std::string& name,
                                         ExpansionLimit limit);

}  // namespace trireme::text
